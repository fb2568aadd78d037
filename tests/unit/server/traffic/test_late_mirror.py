"""Copies whose mirror has more to do than it comes to, as that of a pod that leaves no CPU time."""

from typing import Any

from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.mirror.messages import Heard, Twice
from onnx_server.traffic.shadow import FEW
from onnx_server.traffic.traffic import Traffic
from tests.contract.scripted_pod import ScriptedPod
from tests.unit.server.comparison.copies import twice
from tests.unit.server.scheduling import until
from tests.unit.server.traffic.test_shadow import FakeModel, evidence_of, offer, over, play, shadow_of


class Late(Copier):
    """What one of `kinds` asks waits for `go_on`; `behind` is whether any does."""

    kinds: Any = object

    def __init__(self, sender: bytes) -> None:
        super().__init__(sender)
        self.waiting: list[tuple[Any, Heard]] = []

    @property
    def behind(self) -> bool:
        return bool(self.waiting)

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        if isinstance(message, self.kinds):
            self.waiting.append((message, heard))
        else:
            super().ask(message, heard, patience)

    def go_on(self) -> None:
        waiting, self.waiting = self.waiting, []
        for message, heard in waiting:
            super().ask(message, heard)


class LateTwices(Late):
    """Copies are compared at once."""

    kinds = Twice


def mirror_of(traffic: Traffic) -> Any:
    return traffic.copies._mirror


def test_few_copies_wait_for_a_mirror_that_does_not_come_to_them() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for count in range(1, 2 * FEW + 1):
            offer(traffic, model)
            await until(lambda count=count: len(mirror_of(traffic).waiting) == min(count, FEW))
        assert shadow_of(traffic)["dropped"]["inFlight"] == FEW
        mirror_of(traffic).go_on()
        for _ in range(2 * FEW):  # it comes to all, and answers to none yet
            offer(traffic, model)
            mirror_of(traffic).go_on()
        assert shadow_of(traffic)["dropped"]["inFlight"] == FEW
        await until(lambda: mirror_of(traffic).waiting)
        mirror_of(traffic).go_on()
        await over(traffic)
        assert shadow_of(traffic)["compared"] == 3 * FEW

    play(story, Late)


def test_own_runs_do_not_wait_until_those_before_are_compared() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for count in range(1, 6):
            offer(traffic, model)
            await until(lambda count=count: len(mirror_of(traffic).waiting) == count)
        assert model.runs.ran == [[1.0]] * 5
        assert evidence_of(traffic)["outputs"][0]["self"] == twice(0)
        mirror_of(traffic).go_on()
        await until(lambda: evidence_of(traffic)["outputs"][0]["self"] == twice(5))

    play(story, LateTwices)
