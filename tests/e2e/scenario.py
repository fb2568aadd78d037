"""One rollout under constant load: what a test does to it, and what must hold of it whatever that was."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e import load
from tests.e2e.kubectl import PATIENCE, Kubectl, Object, eventually, settled
from tests.e2e.load import PAUSE, Load, Request
from tests.e2e.models import Store, answering, onnx_model, scale_model
from tests.e2e.node_history import Watched
from tests.e2e.pod_counters import Look, PodCounters
from tests.e2e.scenario_table import ROWS, Row
from tests.e2e.weights import unready_weights
from tests.integration.invariants import Name

MODEL = "subject"
KIND = "ONNXModel"
ACTION = "onnx-operator.dev/action"
QUICK: Object = {
    "steps": [{"weight": 25}, {"weight": 50}, {"weight": 100}],
    "stepSeconds": 2,
    "scaleDownDelaySeconds": 3,
}
"""A canary of seconds, of weights alone: its versions answer differently on purpose, which a shadow would tell."""

CRASHED = ("CandidateRestarted", "CandidateErrors")
"""What a crash is seen by: the kubelet's count of restarts, or the requests that failed, whichever is seen first."""

FORCED = ("--force", "--grace-period=0", "--wait=false")
"""Options of `kubectl delete` that end a pod without its drain."""

BASELINE = 2.5
"""Seconds of load before anything changes."""

SOON = 2.0
"""Seconds from a failure that stable pods have counted, or from a person's word, to weight 0 at each of them."""

TOLERANCE = 0.01
"""Of the requests at a weight, so many may go the other way: what a busy machine answered too late."""

ALL = 100
"""Percent."""

CUT = 4
"""Requests that may be missing or too many: each of two pods had a block under way at the beginning and at the end."""


def steady(weight: int, seconds: int = 600) -> Object:
    """Return a canary that stays at one weight, long enough for anything to happen there."""
    return {**QUICK, "steps": [{"weight": weight}, {"weight": 100}], "stepSeconds": seconds}


@dataclass
class Scenario:
    """A model that serves version 1 in some pods, clients that ask it, and what is seen of both."""

    kubectl: Kubectl
    store: Store
    watched: Watched
    folder: Path
    ending: ExitStack
    stable: str = ""
    changed_at: float = 0.0
    damaged: set[Name] = field(default_factory=set)
    versions: int = 1

    def serve(
        self,
        pods: int = 2,
        pause: float = PAUSE,
        data: bytes | dict[str, bytes] | None = None,
        questions: Path | None = None,
        **spec: Any,
    ) -> None:
        """Serve version 1, with clients that ask it from now on, each `pause` seconds after its last answer.

        `data` is its model (None: one of a factor, 1), `questions` what clients ask about, as Load has it.
        """
        uri = self._put(scale_model(1.0) if data is None else data)
        self.kubectl.apply(onnx_model(MODEL, uri, scaling={"minReplicas": pods}, **{"rollout": QUICK, **spec}))
        model = self.wait(lambda m: settled(m) and m["status"]["readyReplicas"] == pods and "signature" in m["status"])
        self.stable = model["status"]["stableRevision"]
        address = str(self.kubectl.get("service", MODEL)["spec"]["clusterIP"])
        answering(f"{address}:8000", MODEL)
        self.counters = self.ending.enter_context(PodCounters(self.watched.pods))
        self.load = self.ending.enter_context(Load(address, MODEL, self.folder, pause, questions=questions))
        time.sleep(BASELINE)
        self.changed_at = time.monotonic()

    def ask(self, data: bytes | dict[str, bytes] | None, **spec: Any) -> str:
        """Ask for the next version; return its revision's name.

        `data` is its model, or a folder's files by name; None: there is none. `spec` is merged over, one level deep in
        `model`.
        """
        self.versions += 1
        uri = self._put(data)
        self.change(model={"uri": uri, **spec.pop("model", {})}, **spec)
        return self.revision(uri)

    def _put(self, data: bytes | dict[str, bytes] | None) -> str:
        """Store the model of the version that there is now; return its URI."""
        folder = f"v{self.versions}/"
        if not isinstance(data, dict):
            key = f"{folder}model.onnx"
            return self.store.uri(key) if data is None else self.store.put(key, data)
        for name, content in data.items():
            self.store.put(f"{folder}{name}", content)
        return self.store.uri(folder)

    def change(self, **spec: Any) -> None:
        """Merge something into the spec."""
        self.kubectl.patch("onnxmodel", MODEL, {"spec": spec})

    def revision(self, uri: str) -> str:
        """Return the name of the revision of a URI."""

        def made(model: Object) -> list[str]:
            revisions = model.get("status", {}).get("revisions", [])
            return [found["name"] for found in revisions if found["uri"] == uri]

        return made(self.wait(made))[0]

    def act(self, action: str, revision: str) -> float:
        """Ask for a manual action; return when."""
        text = f"{action}@{revision}#{time.monotonic_ns()}"
        self.kubectl.patch("onnxmodel", MODEL, {"metadata": {"annotations": {ACTION: text}}})
        return time.monotonic()

    def wait(self, until: Callable[[Object], Any], patience: float = PATIENCE) -> Object:
        """Wait until the model comes to something; return it."""
        return self.watched.wait(KIND, MODEL, until, patience)

    def wait_weight(self, weight: int, patience: float = PATIENCE) -> None:
        """Wait until all stable pods have applied a weight, and some requests went that way."""
        self.wait(lambda m: m["status"].get("rollout", {}).get("appliedWeight") == weight, patience)
        time.sleep(1.0)

    def wait_promoted(self, revision: str, patience: float = 120.0) -> Object:
        """Wait until a revision serves alone and all is at rest."""
        return self.wait(lambda m: settled(m) and m["status"]["stableRevision"] == revision and _alone(m), patience)

    def wait_rejected(self, revision: str, *reasons: str) -> Object:
        """Wait until a revision was taken back for one of these reasons and has to go; the stable one serves on."""

        def taken_back(model: Object) -> bool:
            status = model["status"]
            why = {one["revision"]: one["reason"] for one in status.get("rejected", [])}
            assert revision not in why or why[revision] in reasons, why
            stuck = [c for c in status["conditions"] if c["type"] == "Stalled" and c["status"] == "True"]
            return revision in why and bool(stuck) and stuck[0]["reason"] == why[revision]

        model = self.wait(taken_back)
        assert model["status"]["stableRevision"] == self.stable
        assert [c["status"] for c in model["status"]["conditions"] if c["type"] == "Ready"] == ["True"]
        self.watched.wait("Deployment", revision, lambda deployment: deployment["spec"]["replicas"] == 0)
        return model

    def failed_at(self, *kinds: str, least: int = 1) -> float:
        """Return when stable pods had counted so many failures of the candidate of these kinds, or a look earlier."""

        def last_good() -> Look | None:
            looks = list(self.counters.looks)
            failed = (before for before, look in pairwise(looks) if look.failures(frozenset(kinds)) >= least)
            return next(failed, None)

        look: Look = eventually(f"{least} failures of {kinds}", last_good)
        return look.ended

    def finish(
        self,
        name: str,
        candidate: str,
        fault: float | None = None,
        within: float | None = SOON,
        outage: tuple[float, float] | None = None,
    ) -> list[Request]:
        """End the load; check what holds always, and tell the row of the table; return the requests.

        `fault` is when it went wrong; `within` so many seconds no stable pod may forward any more. What is under way in
        an `outage` that no operator can prevent may be lost.
        """
        requests = self.stop()
        version = candidate.rpartition("-")[2]
        rollout = load.within(requests, self.changed_at, time.monotonic())
        before = load.within(requests, 0.0, self.changed_at)
        added = load.percentile(rollout, 0.99) - load.percentile(before, 0.99)
        ended = None if fault is None else self.weightless(fault)
        loads, pods = self.loads(candidate)
        lost, answered = load.lost(requests), load.by_version(requests)[version]
        ROWS.append(Row(name, len(requests), len(lost), answered, added, ended, f"{loads} in {pods} pods"))
        assert ended is None or within is None or ended < within, f"they forwarded for {ended:.1f} s more"
        self.check(requests, outage)
        return requests

    def stop(self) -> list[Request]:
        """End the load, and know all that there was until then; return the requests."""
        time.sleep(1.0)
        self.load.stop()
        self.watched.history.catch_up()
        return self.load.requests()

    def check(self, requests: list[Request], outage: tuple[float, float] | None = None) -> None:
        """Check what holds always; what was under way in an `outage` may be lost."""
        began, ended = outage or (0.0, 0.0)
        lost = load.lost([r for r in requests if r.sent >= ended or r.sent + r.seconds < began])
        assert not lost, lost[:20]
        violations = self.watched.history.violations(self.watched.namespace, frozenset(self.damaged))
        assert not violations, violations[:20]
        states = self.watched.history.states(self.watched.namespace)
        astray = unready_weights(list(self.counters.looks), states, self.changed_at)
        assert not astray, astray

    def shares(self, candidate: str, requests: list[Request]) -> dict[int, tuple[int, int]]:
        """Return by weight how many requests were sent while all stable pods had it, and how many the candidate got.

        From the promotion on a weight says nothing before pods hand over: new connections lead to the candidate.
        """
        found: dict[int, tuple[int, int]] = {}
        states = self.watched.history.states(self.watched.namespace)
        promoted = next((at for at, state in states if state.entry not in {None, self.stable}), math.inf)
        version = candidate.rpartition("-")[2]
        looks = [look for look in self.counters.looks if look.weights(self.stable)]
        for before, after in pairwise(looks):
            weights = before.weights(self.stable) | after.weights(self.stable)
            if len(weights) != 1 or not (weight := int(*weights)) or (weight < ALL and after.began >= promoted):
                continue
            sent = load.within(requests, before.ended, after.began)
            asked, answered = found.get(weight, (0, 0))
            found[weight] = asked + len(sent), answered + load.by_version(sent)[version]
        return found

    def check_shares(self, candidate: str, weights: set[int], requests: list[Request]) -> None:
        """Check that there were these weights, and that the candidate answered what its weights say."""
        shares = self.shares(candidate, requests)
        print(f"answered by the candidate: {shares}")
        assert weights <= shares.keys()
        for weight, (asked, answered) in shares.items():
            assert asked >= 100, f"{asked} requests at {weight} % tell nothing"
            allowed = CUT + TOLERANCE * asked
            assert abs(answered - asked * weight / 100) <= allowed, f"{answered} of {asked} at {weight} %"

    def weightless(self, fault: float) -> float:
        """Return the seconds from the fault to the first look at which no stable pod has a weight."""
        looks = list(self.counters.looks)
        ended = [look.ended for look in looks if look.ended >= fault and look.weights(self.stable) <= {0.0}]
        assert ended, "the stable pods still forward"
        return ended[0] - fault

    def exit_codes(self, revision: str) -> set[int]:
        """Return what servers of a revision ended with that did not end as they were told to."""
        states = [status.get(when, {}) for _, status in self._servers(revision) for when in ("state", "lastState")]
        return {state["terminated"]["exitCode"] for state in states if "terminated" in state} - {0}

    def loads(self, revision: str) -> tuple[int, int]:
        """Return how often servers of a revision began to load its model, and in how many pods."""
        begun = {(uid, status["restartCount"]) for uid, status in self._servers(revision) if status.get("containerID")}
        return len(begun), len({uid for uid, _ in begun})

    def _servers(self, revision: str) -> Iterator[tuple[str, Object]]:
        """Yield every status that servers of a revision had, with the UID of their pod."""
        for change in self.watched.history.changes[self.watched.namespace]:
            pod = change.obj or {}
            labels = pod.get("metadata", {}).get("labels", {})
            if change.name[0] != "Pod" or labels.get("onnx-operator.dev/revision") != revision:
                continue
            for status in pod.get("status", {}).get("containerStatuses", []):
                if status["name"] == "server":
                    yield pod["metadata"]["uid"], status


def _alone(model: Object) -> bool:
    others = [one for one in model["status"]["revisions"] if one["name"] != model["status"]["stableRevision"]]
    return all(one["replicas"] == 0 for one in others) and "rollout" not in model["status"]
