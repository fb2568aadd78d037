"""Copies whose mirror is late, as that of a pod that leaves no CPU time."""

from typing import Any

from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.mirror.messages import Heard, Twice
from onnx_server.traffic.traffic import Traffic
from tests.contract.scripted_pod import ScriptedPod
from tests.unit.server.comparison.copies import twice
from tests.unit.server.scheduling import until
from tests.unit.server.traffic.test_shadow import FakeModel, evidence_of, offer, play


class Late(Copier):
    """Answers that were given twice are compared once it is told to `go_on`."""

    def __init__(self, sender: bytes) -> None:
        super().__init__(sender)
        self.waiting: list[tuple[Any, Heard]] = []

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        if isinstance(message, Twice):
            self.waiting.append((message, heard))
        else:
            super().ask(message, heard, patience)

    def go_on(self) -> None:
        for message, heard in self.waiting:
            super().ask(message, heard)


def mirror_of(traffic: Traffic) -> Any:
    return traffic.copies._mirror


def test_own_runs_do_not_wait_until_those_before_are_compared() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for count in range(1, 6):
            offer(traffic, model)
            await until(lambda count=count: len(mirror_of(traffic).waiting) == count)
        assert model.runs.ran == [[1.0]] * 5
        assert evidence_of(traffic)["outputs"][0]["self"] == twice(0)
        mirror_of(traffic).go_on()
        await until(lambda: evidence_of(traffic)["outputs"][0]["self"] == twice(5))

    play(story, Late)
