"""The demo's versions, trained once for all tests here."""

from pathlib import Path

import pytest

from demo.train import Model
from tests.unit.server.comparison import versions


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Model]:
    """Versions 1 and 2 of the demo's digits."""
    return versions.digit_models(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are written to."""
    return tmp_path_factory.mktemp("models")
