"""Who answers a request, whatever else its head has."""

import pytest

from onnx_server.traffic.arms import Arm
from onnx_server.traffic.rules import Rules

OTHERS = [(b"user-agent", b"any"), (b"x-users", b"anna"), (b"onnx", b"digits-b")]
FORWARDED = (b"onnx-forwarded", b"digits-0")


@pytest.mark.parametrize(
    ("rules", "usual", "named"),
    [
        (Rules(), Arm.UNCOUNTED, Arm.UNCOUNTED),
        (Rules("digits-b"), Arm.UNCOUNTED, Arm.UNCOUNTED),
        (Rules("digits-b", observed=True), Arm.STABLE, Arm.STABLE),
        (Rules("digits-b", 5), None, None),
        (Rules("digits-b", observed=True, sticky_by=b"x-user", preview_header=b"x-preview"), Arm.STABLE, Arm.STABLE),
    ],
)
def test_heads_without_what_is_read(rules: Rules, usual: Arm | None, named: Arm | None) -> None:
    for headers in ([], OTHERS):
        assert rules.arm(headers, None) is usual
        assert rules.arm(headers, "b") is named
        assert rules.arm(headers, "a") is Arm.UNCOUNTED
        for version in (None, "a", "b"):
            assert rules.arm([*headers, FORWARDED], version) is Arm.UNCOUNTED


def test_what_is_read_is_found_behind_others() -> None:
    rules = Rules("digits-b", 100, sticky_by=b"x-user", preview_header=b"x-preview")
    assert rules.arm([*OTHERS, (b"x-user", b"anna")], None) is Arm.CANDIDATE
    assert rules.arm([*OTHERS, (b"x-preview", b"1")], None) is Arm.PREVIEW
    assert rules.arm([*OTHERS, (b"x-preview", b"0")], None) is None
    assert rules.arm([*OTHERS, (b"x-preview", b"1"), FORWARDED], None) is Arm.UNCOUNTED
