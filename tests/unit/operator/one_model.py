"""One model in a world in memory, and operators that come and go."""

import asyncio
import atexit
import contextlib
import copy
import json
import re
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.apply.order import Applier
from onnx_operator.apply.repairs import Repairs
from onnx_operator.apply.split import Orders
from onnx_operator.apply.writer import Writer
from onnx_operator.cache import Cache
from onnx_operator.engine.first_word import MOMENT, FirstWord
from onnx_operator.engine.reconcile import LOOK_AGAIN, Reconciler
from onnx_operator.engine.teller import Teller
from onnx_operator.kube.kinds import DEPLOYMENT, MODEL, POD, SERVICE, WATCHED, Kind
from onnx_operator.metrics import Metrics
from onnx_operator.observe import Observer
from onnx_operator.rollout import SplitOrder, SplitState
from onnx_operator.split_state import split_state
from tests.unit.operator.memory_api import Killed, Memory
from tests.unit.operator.situations import DEFAULTS, NOW, SIGNATURE, spec

Object = dict[str, Any]

T = TypeVar("T")

KEY = ("team", "digits")
LOOP = asyncio.Runner()
atexit.register(LOOP.close)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Rounds without a write after which what is waited for does not come.
LONGEST_WAIT = 90
BORN = "2026-11-01T10:00:00Z"


class Control:
    """The pods' control ports. ``answer`` is what each says of itself, nothing if none answers.

    ``plays`` are the annotations by which the pods play (``tests.cluster.split_stand_in``), all the same; those of
    ``mute`` do not answer about their split. ``told`` lists the orders in which pods were told which weight.
    """

    def __init__(self, memory: Memory, answer: Object) -> None:
        self.memory, self.answer = memory, answer
        self.plays: dict[str, str] = {}
        self.mute: set[str] = set()
        self.asked: list[str] = []
        self.told: list[tuple[str, int]] = []

    async def facts(self, pod_ip: str, pod_uid: str) -> Object | None:
        return self.answer

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        self.asked.append(pod_uid)
        if pod_uid in self.mute:
            return None
        return split_state(self.memory.server(pod_uid).document(self.plays), pod_uid)

    async def set_split(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        if pod_uid in self.mute:
            return None
        self.told.append((pod_uid, order.weight))
        _, body = self.memory.server(pod_uid).take(order.to_json(), self.plays)
        return split_state(body, pod_uid)


class Operator:
    """One process of the operator: what it knows ends with it."""

    def __init__(self, memory: Memory, control: Control) -> None:
        self.memory, self.cache, self.metrics = memory, Cache(), Metrics()
        observer = Observer(self.cache, control, DEFAULTS, '{"keys": []}')
        writer = Writer(memory, self.cache, Repairs(lambda: float(memory.seconds)))
        applier = Applier(memory, self.cache, writer, Orders(control))
        first_word = FirstWord(lambda: memory.seconds * MOMENT, lambda: False)
        teller = Teller(memory, self.metrics)
        self._reconciler = Reconciler(memory, self.cache, observer, applier, first_word, teller, self._clock)
        self.hear()

    def hear(self, *kinds: Kind) -> None:
        """Take in how all objects of these kinds are by now; of all kinds, if none is named."""
        for kind in kinds or WATCHED:
            self.cache.replace(kind, None, self.memory.listed(kind))

    def reconcile(self) -> float | None:
        """Reconcile once, on what was heard."""
        return at_once(self._reconciler.reconcile(KEY)).again_after

    def _clock(self) -> Any:
        self.memory.seconds += 1  # what takes none of the world's time would never be over
        return NOW + timedelta(seconds=self.memory.seconds)


class World:
    """The model, the cluster in memory, and the operator of the moment."""

    def __init__(self, answer: Object | None = None, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        self.control = Control(self.memory, {"signature": SIGNATURE} if answer is None else answer)
        self._number = 0
        self.operator = Operator(self.memory, self.control)

    def restart(self) -> None:
        """End the operator's process; another one begins with an empty cache and fills it."""
        self.memory.before_write = lambda verb, kind, name: None
        self.operator = Operator(self.memory, self.control)

    def ask(self, asked: Spec) -> None:
        """Change the model's spec, or make the model."""
        before = self.memory.objects.get((MODEL, *KEY))
        declared = asked.model_dump(exclude_defaults=True)
        if before is None:
            self._number += 1
            metadata = {"namespace": KEY[0], "name": KEY[1], "uid": f"model-{self._number}", "generation": 1}
            metadata |= {"creationTimestamp": BORN}
            shell = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata}
            self.memory.put({**shell, "spec": declared})
        elif before["spec"] != declared:
            after = copy.deepcopy(before)
            after["metadata"]["generation"] += 1
            self.memory.put({**after, "spec": declared})

    def kubelets(self) -> None:
        """Bring every pod one step on."""
        for pod in [name for name, shown in self.pods().items() if not ready(shown)]:
            self.memory.kubelet(pod)

    def settle(self, rounds: int = 400) -> None:
        """Let everybody do their work until the operator has no more to write, and waits for nothing, or too long."""
        still = 0
        for _ in range(rounds):
            self.operator.hear()
            before = len(self.memory.writes)
            again = self.operator.reconcile()
            waits = again is not None and again < LOOK_AGAIN
            still = still + 1 if len(self.memory.writes) == before else 0
            self.kubelets()
            if still > (LONGEST_WAIT if waits else 2):
                return
        raise AssertionError(f"the operator does not come to rest: {self.memory.writes[-8:]}")

    def run(self, asked: Spec, killed_at: int | None = None) -> None:
        """Ask for a spec and settle; the operator is killed when it is about to make its n-th write, if given."""
        self.ask(asked)
        if killed_at is not None:
            count = len(self.memory.writes) + killed_at

            def kill(verb: str, kind: str, name: str) -> None:
                if len(self.memory.writes) + 1 >= count:  # what was about to be written beside it is lost as well
                    raise Killed

            self.memory.before_write = kill
            with contextlib.suppress(Killed):
                self.settle()
            self.restart()
        self.settle()

    def pods(self) -> dict[str, Object]:
        return self.memory.of(POD)

    @property
    def model(self) -> Object:
        return self.memory.objects[MODEL, *KEY]

    @property
    def status(self) -> Object:
        found: Object = self.model["status"]
        return found

    def condition(self, type_: str) -> Object:
        found: Object = next(c for c in self.status["conditions"] if c["type"] == type_)
        return found

    def entry(self) -> str | None:
        """Return the revision that the entry Service leads to."""
        service = self.memory.of(SERVICE).get(KEY[1])
        return str(service["spec"]["selector"][names.LABEL_REVISION]) if service else None

    def behind_the_entry(self) -> int:
        """Return how many ready pods clients reach."""
        entry = self.entry()
        return sum(ready(pod) for pod in self.memory.pods_of(entry).values()) if entry else 0

    def replicas(self) -> dict[str, int]:
        return {name: obj["spec"]["replicas"] for name, obj in self.memory.of(DEPLOYMENT).items()}

    def end(self) -> Object:
        """Return what must not depend on the way that led here: no times, no versions, no numbers of pods' names."""
        made: Object = {}
        for (kind, _, name), obj in self.memory.objects.items():
            if kind.kind in {"Pod", "Event"}:
                continue
            kept = {key: value for key, value in obj.items() if key not in {"metadata", "status", "revision"}}
            annotations = obj["metadata"].get("annotations", {})
            facts: Object = {key: value for key, value in annotations.items() if key != names.ANNOTATION_PROMOTED_AT}
            if rollout := facts.get(names.ANNOTATION_ROLLOUT):
                # Which generation a split has come to, and how far a pod was when, depends on the way.
                facts[names.ANNOTATION_ROLLOUT] = {**json.loads(rollout), "generation": None, "progress": None}
            made[f"{kind.kind}/{name}"] = {**kept, "facts": facts, "labels": obj["metadata"].get("labels")}
        status = copy.deepcopy(self.status)
        made["status"] = status
        made["pods"] = sorted(pod["metadata"]["labels"][names.LABEL_REVISION] for pod in self.pods().values())
        timeless: Object = json.loads(TIME.sub("TIME", json.dumps(made)))
        return timeless


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop that all tests share: a loop for each look would cost more than the look."""
    return LOOP.run(work)


def ready(pod: Object) -> bool:
    return any(condition["type"] == "Ready" for condition in pod["status"].get("conditions", []))


def serving(asked: Spec | None = None) -> World:
    """Return the world in which a model serves, by default of two pods."""
    world = World()
    world.run(asked or spec("s3://models/digits/v1", 2))
    assert world.condition("Ready")["status"] == "True"
    return world
