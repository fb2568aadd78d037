"""Whatever happens in whatever order: clients keep their ready pods, and the end depends on the spec alone."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.kube.errors import ConflictError, TransientError
from onnx_operator.kube.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    MODEL,
    POD,
    SERVICE,
    Kind,
)
from tests.cluster.split_stand_in import ARMS
from tests.unit.operator.memory_api import Killed
from tests.unit.operator.one_model import KEY, World, ready
from tests.unit.operator.situations import AT_ONCE, name_of, spec

Object = dict[str, Any]

KINDS: list[Kind] = [MODEL, CONTROLLER_REVISION, CONFIG_MAP, SERVICE, DEPLOYMENT, DISRUPTION_BUDGET, POD]
URIS = ["s3://m/v1", "s3://m/v2", "s3://m/v3", "s3://m/bad"]
ROLLOUTS: list[Object] = [
    AT_ONCE,
    {"steps": [{"weight": 20}, {"weight": 100}], "stepSeconds": 1, "scaleDownDelaySeconds": 2},
    {"steps": [{"weight": 50}, {"pause": {"durationSeconds": 2}}], "stepSeconds": 0, "scaleDownDelaySeconds": 4},
]


class OneModelsLife(RuleBasedStateMachine):
    """Users, kubelets, vandals, and an operator that is killed, hears late, and is answered with errors."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.asked = spec("s3://m/v1", 1)
        self.world.ask(self.asked)
        self.least = 0
        self.largest = 1

    @initialize(serves=st.booleans())
    def begin(self, serves: bool) -> None:
        if serves:
            self.world.settle()

    # users

    @rule(
        uri=st.sampled_from(URIS),
        replicas=st.integers(1, 3),
        state=st.sampled_from(["Active"] * 5 + ["Suspended"]),
        rollout=st.sampled_from(ROLLOUTS),
    )
    def ask(self, uri: str, replicas: int, state: str, rollout: Object) -> None:
        self.asked = spec(uri, replicas, state=state, rollout=rollout)
        self.largest = max(self.largest, replicas)
        self.world.ask(self.asked)

    @rule(fails=st.sampled_from([False, False, True]))
    def candidates_fail(self, fails: bool) -> None:
        self.world.control.plays = {ARMS: json.dumps({"candidate": {"requests": 9, "errors": 9}})} if fails else {}

    # the cluster

    @precondition(lambda self: self.world.pods())
    @rule(data=st.data())
    def kubelet(self, data: st.DataObject) -> None:
        self.world.memory.kubelet(data.draw(st.sampled_from(sorted(self.world.pods()))))

    @rule()
    def kubelets(self) -> None:
        self.world.kubelets()

    @precondition(lambda self: self.world.pods())
    @rule(data=st.data())
    def lose_a_pod(self, data: st.DataObject) -> None:
        pod = data.draw(st.sampled_from(sorted(self.world.pods())))
        self.world.memory.remove((POD, KEY[0], pod))

    @rule(data=st.data())
    def vandalise(self, data: st.DataObject) -> None:
        spared = (MODEL, POD, CONTROLLER_REVISION)
        ours = sorted((p for p in self.world.memory.objects if p[0] not in spared), key=str)
        if ours:
            self.world.memory.remove(data.draw(st.sampled_from(ours)))

    # the operator

    @rule(kind=st.sampled_from(KINDS))
    def hear_of_one_kind(self, kind: Kind) -> None:
        self.world.operator.hear(kind)

    @rule()
    def hear(self) -> None:
        self.world.operator.hear()

    @rule(times=st.integers(1, 3))
    def reconcile(self, times: int) -> None:
        for _ in range(times):
            self.guarded(None)

    @rule(nth=st.integers(1, 8))
    def reconcile_and_be_killed(self, nth: int) -> None:
        self.guarded(nth, Killed())
        self.world.restart()

    @rule(nth=st.integers(1, 6), error=st.sampled_from([TransientError(503, "busy"), ConflictError(409, "stale")]))
    def reconcile_and_meet_an_error(self, nth: int, error: Exception) -> None:
        self.guarded(nth, error)

    def guarded(self, nth: int | None, error: BaseException | None = None) -> None:
        """Reconcile, with an error at the n-th write; no write may take ready pods from clients."""
        memory = self.world.memory
        count = 0
        reachable = self.world.behind_the_entry()
        had_entry = self.world.entry() is not None

        def before_write(verb: str, kind: str, name: str) -> None:
            nonlocal count
            count += 1
            if count == nth and error is not None:
                raise error

        # What the operator has heard is what it can be held to.
        models = [self.world.model, self.world.operator.cache.get(MODEL, *KEY) or self.world.model]
        specs = [Spec.model_validate(model["spec"]) for model in models]
        needed = min(asked.scaling.minReplicas if asked.state == "Active" else 0 for asked in specs)

        def after_write() -> None:
            now = self.world.behind_the_entry()
            assert not had_entry or now >= min(needed, reachable), f"clients have {now} of {reachable} ready pods left"
            assert needed == 0 or not self.forwarded_to_nobody(), "pods forward to a revision that was scaled to 0"

        memory.before_write, memory.after_write = before_write, after_write
        try:
            self.world.operator.reconcile()
        except (Killed, TransientError, ConflictError):
            pass
        finally:
            memory.before_write, memory.after_write = (lambda *_: None), (lambda: None)

    def forwarded_to_nobody(self) -> set[str]:
        """Return the revisions without pods that ready pods behind the entry are ordered to forward to."""
        memory, entry = self.world.memory, self.world.entry()
        pods = memory.pods_of(entry).values() if entry else ()
        orders = [memory.server(pod["metadata"]["uid"]).order for pod in pods if ready(pod)]
        empty = {name for name, replicas in self.world.replicas().items() if replicas == 0}
        return {order["revision"] for order in orders if order["weight"]} & empty

    @invariant()
    def the_entry_leads_to_one_revision_that_has_a_deployments_facts(self) -> None:
        entry = self.world.entry()
        assert entry is None or entry in self.world.memory.of(CONTROLLER_REVISION)

    @invariant()
    def only_pinned_revisions_have_several_pods(self) -> None:
        for name, replicas in self.world.replicas().items():
            facts = self.world.memory.of(CONTROLLER_REVISION)[name]["metadata"].get("annotations", {})
            assert replicas <= 1 or names.ANNOTATION_DIGEST in facts, name

    @invariant()
    def the_status_is_never_ahead(self) -> None:
        model = self.world.model
        assert model.get("status", {}).get("observedGeneration", 0) <= model["metadata"]["generation"]

    def teardown(self) -> None:
        """Let everything calm down: now the end depends on the spec alone, but for one that was taken back."""
        world, wanted = self.world, name_of(self.asked)
        world.settle()
        before = len(world.memory.writes)
        world.operator.hear()
        world.operator.reconcile()
        assert world.memory.writes[before:] == []
        replicas: dict[str, Any] = world.replicas()
        running = {name: count for name, count in replicas.items() if count}
        if self.asked.state == "Suspended":
            assert running == {}
            return
        assert not self.forwarded_to_nobody()
        taken_back = {one["revision"]: one["reason"] for one in world.status["rejected"]}
        if wanted in taken_back:
            stable = world.status["stableRevision"]
            assert taken_back[wanted] in {"CandidateErrors", "CandidateUnready", "ModelNotFound"}
            assert world.condition("Stalled")["reason"] == taken_back[wanted]
            assert running == {stable: self.asked.scaling.minReplicas}
            assert world.entry() == stable != wanted
            return
        if "bad" not in self.asked.model.uri:
            assert world.entry() == wanted
            assert running == {wanted: self.asked.scaling.minReplicas}
            assert world.condition("Ready")["status"] == "True"
            assert world.condition("Reconciling")["reason"] == "Reconciled"
            assert all(ready(pod) for pod in world.pods().values())
            return
        assert world.condition("Stalled")["reason"] == "ModelNotFound"
        assert running.pop(wanted) == 1, "a bad version tries on with one pod"
        if stable := world.status.get("stableRevision"):
            # While its rollout goes on the stable revision is not smaller than it was when that began.
            assert running.keys() == {stable}
            most = self.largest if world.status.get("rollout") else self.asked.scaling.minReplicas
            assert self.asked.scaling.minReplicas <= running[stable] <= most
            assert world.entry() == stable
            assert world.condition("Ready")["status"] == "True"


OneModelsLife.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOneModelsLife = OneModelsLife.TestCase
