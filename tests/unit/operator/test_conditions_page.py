"""docs/conditions.md and the code name the same reasons and conditions."""

import re
from pathlib import Path

import onnx_operator
from onnx_operator.decide import reasons
from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.roles import plan
from tests.unit.operator.situations import observed, spec

DOCS = Path(onnx_operator.__file__).parents[2] / "docs"
PAGE = (DOCS / "conditions.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)


def constants() -> set[str]:
    return {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}


def test_every_reason_is_explained_once_and_no_other() -> None:
    types = {"Ready", "Reconciling", "Stalled"}
    explained = [name for name, _, _ in ROWS if name not in types]
    assert sorted(explained) == sorted(constants() | reasons.TYPED)


def test_every_condition_is_explained() -> None:
    seen = observed(spec())
    made = {verdict.type for verdict in conditions(seen, plan(seen), None)}
    assert made == {"Ready", "Reconciling", "Stalled"}
    assert made <= {name for name, _, _ in ROWS}


def test_each_says_what_it_means_and_what_to_do_in_sentences() -> None:
    for name, means, remedy in ROWS:
        assert means.endswith("."), name
        assert remedy.endswith("."), name


def test_the_pods_reasons_are_the_contracts() -> None:
    contract = (DOCS / "contract.md").read_text()
    table = re.findall(r"^\| `([A-Za-z]+)` \| (?:fetch|serve|both) \|", contract, re.MULTILINE)
    assert set(table) == reasons.TYPED
    assert reasons.PASSING <= reasons.TYPED
