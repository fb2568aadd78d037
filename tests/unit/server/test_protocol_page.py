"""docs/protocol.md names tests that exist, and a test for every rule."""

import re
from pathlib import Path

import onnx_server

ROOT = Path(onnx_server.__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
TESTS = {
    name
    for folder in ("tests/unit/server", "tests/contract")
    for path in (ROOT / folder).glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 40
    assert named <= TESTS


def test_every_rule_names_a_test() -> None:
    rules = [line for line in PAGE.splitlines() if re.fullmatch(r"\| .* \| .* \|", line) and line.count(" | ") == 1]
    assert len(rules) > 30
    for rule in rules:
        if not rule.startswith("| rule |"):
            assert "`test_" in rule, rule
