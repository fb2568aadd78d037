"""``status`` of each recorded state, letter by letter, in files beside: RENDER=1 writes them anew, to be read over."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onnx_operator.kubectl.render.checks import check_notes, checks_table
from onnx_operator.kubectl.render.pods import restarts_of, state_of
from onnx_operator.kubectl.render.revisions import shares
from onnx_operator.kubectl.render.status import status_tree
from tests.unit.operator.kubectl.printing import printed
from tests.unit.operator.kubectl.recorded_states import NOW, STATES, model, pods

Object = dict[str, Any]

HERE = Path(__file__).parent / "rendered"


@pytest.mark.parametrize("state", STATES)
def test_status(state: str) -> None:
    said = printed(status_tree(model(state), pods(state), NOW))
    expected = HERE / f"{state}.txt"
    if os.environ.get("RENDER"):
        expected.write_text(said)
    assert said == expected.read_text()


def test_there_is_a_text_for_each_state_and_no_other() -> None:
    assert sorted(path.stem for path in HERE.iterdir()) == STATES


def test_a_narrow_terminal_loses_nothing() -> None:
    said = printed(status_tree(model("aborted"), pods("aborted"), NOW), width=60)
    assert all(len(line) <= 60 for line in said.splitlines())
    letters = "".join(said.replace("│", "").split())
    assert "31of580requestsfailed,ofthestablerevision's0of1720;" in letters


def test_a_narrow_terminal_loses_no_check() -> None:
    said = printed(status_tree(model("progressing"), pods("progressing"), NOW), width=60)
    assert all(len(line) <= 60 for line in said.splitlines())
    for check in model("progressing")["status"]["rollout"]["checks"]:
        assert f"✓ {check['check']}" in said or f"? {check['check']}" in said


def test_a_failed_check_is_told_first_and_a_column_that_would_be_empty_is_not_there() -> None:
    checks: list[Object] = [
        {"check": "clicks", "verdict": "Pass", "value": "1", "message": "fine"},
        {"check": "outputs", "verdict": "Fail", "value": "12% agree", "needed": 100, "message": "far too few agree"},
        {"check": "odd", "verdict": "Later"},
    ]
    said = [printed(checks_table(checks)).splitlines(), [str(note) for note in check_notes(checks)]]
    assert said == [
        [
            "check      value      samples",
            "✓ clicks   1",
            "✗ outputs  12% agree    0/100",
            "? odd",
        ],
        ["✗ outputs  far too few agree", "✓ clicks  fine"],
    ]


def test_a_status_of_an_older_operator_is_shown_too() -> None:
    old = model("healthy")
    del old["status"]["rejected"]
    assert "Stable  digits-bq24cmd5fz  100 %" in printed(status_tree(old, [], NOW))


def test_a_rejected_revision_that_is_gone_is_told_all_the_same() -> None:
    healthy = model("healthy")
    healthy["status"]["rejected"] = model("aborted")["status"]["rejected"]
    healthy["status"]["rejected"][0]["revision"] = "digits-7wz2kxq9bd"
    said = printed(status_tree(healthy, pods("healthy"), NOW))
    assert "├── Rejected  digits-7wz2kxq9bd\n│   └── ✗ CandidateErrors  1m39s ago  At step 3/5: 31 of 580" in said


def test_a_clock_that_is_behind_shows_no_negative_ages() -> None:
    said = printed(status_tree(model("progressing"), pods("progressing"), NOW - timedelta(days=1)))
    assert "begun 0s ago" in said


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("progressing", {"digits-hzbw5b6dxn": 75, "digits-bq24cmd5fz": 25}),
        ("not-acknowledged", {"digits-hzbw5b6dxn": 95, "digits-bq24cmd5fz": 5}),
        ("handing-over", {"digits-bq24cmd5fz": 100}),
        ("healthy", {"digits-bq24cmd5fz": 100}),
        ("starting", {}),
    ],
)
def test_shares_are_what_pods_have_acknowledged(state: str, expected: dict[str, int]) -> None:
    assert shares(model(state)["status"]) == expected


def test_restarts_are_told() -> None:
    (pod, *_) = pods("progressing")
    pod["status"]["containerStatuses"][0] |= {
        "restartCount": 2,
        "ready": False,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    pod["status"]["conditions"][1]["status"] = "False"
    assert (state_of(pod)[0], restarts_of(pod)) == ("CrashLoopBackOff", 2)
    said = printed(status_tree(model("progressing"), [pod], NOW))
    assert "digits-hzbw5b6dxn-6c9d7-4xk2p  CrashLoopBackOff  2 restarts  34m8s  node-1" in said
