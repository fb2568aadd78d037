"""Which versions serve: Triton's three policies, and what they may not say."""

import pytest
from pydantic import ValidationError

from onnx_server.settings.version_policy import VersionPolicy

VERSIONS = ["1", "2", "9", "10"]


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        ({}, ["10"]),
        ({"latest": 2}, ["9", "10"]),
        ({"latest": 99}, VERSIONS),
        ({"mode": "All"}, VERSIONS),
        ({"mode": "Specific", "versions": [9, 1]}, ["1", "9"]),
    ],
)
def test_choose(policy: dict[str, object], chosen: list[str]) -> None:
    assert VersionPolicy.model_validate(policy).choose(VERSIONS) == chosen


def test_a_specific_version_must_be_there() -> None:
    policy = VersionPolicy(mode="Specific", versions=[3, 1, 20])
    with pytest.raises(LookupError, match="asks for version 3, 20, there is 1, 2, 9, 10"):
        policy.choose(VERSIONS)


@pytest.mark.parametrize("policy", [{"mode": "Specific"}, {"mode": "All", "versions": [1]}, {"versions": [1]}])
def test_versions_go_with_mode_specific(policy: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="'versions' goes with mode Specific"):
        VersionPolicy.model_validate(policy)
