from typing import Any

import pytest

from onnx_operator.settings import Settings
from onnx_operator.wiring import watches
from onnx_operator.wiring.watches import Watches


class Recorded:
    """A Transport that watches nothing, and tells what was asked of it."""

    made: list["Recorded"]

    def __init__(self, settings: Settings, inbox: Any, on_begin: Any) -> None:
        self.namespaces, self.started, self.stopped = settings.namespaces, 0, False
        Recorded.made.append(self)

    def start(self) -> None:
        self.started += 1

    def stop(self, timeout: float) -> None:
        self.stopped = True

    def is_watching(self) -> bool:
        return not self.stopped

    def is_alive(self) -> bool:
        return not self.stopped


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Watches:
    Recorded.made = []
    monkeypatch.setattr(watches, "Transport", Recorded)
    settings = Settings(server_image="server:1", own_namespace="ops", namespaces=("a", "b"))
    return Watches(settings, lambda *_: None, lambda: None)


def test_before_it_begins_nothing_is_watched_and_nothing_is_wrong(subject: Watches) -> None:
    assert (subject.is_watching(), subject.is_alive()) == (False, True)
    subject.stop(0.0)
    assert Recorded.made == []


def test_the_same_namespaces_are_watched_anew_by_the_same_transport(subject: Watches) -> None:
    subject.begin(("a", "b"))
    subject.begin(("a", "b"))
    (only,) = Recorded.made
    assert (only.namespaces, only.started, only.stopped) == (("a", "b"), 2, False)
    assert subject.is_watching()


def test_other_namespaces_are_watched_by_another_and_the_first_ends(subject: Watches) -> None:
    subject.begin(("a", "b"))
    subject.begin(("a",))
    subject.begin(("a", "b"))
    assert [made.namespaces for made in Recorded.made] == [("a", "b"), ("a",), ("a", "b")]
    assert [made.stopped for made in Recorded.made] == [True, True, False]
    subject.stop(1.0)
    assert not subject.is_alive()
