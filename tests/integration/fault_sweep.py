"""Many cases at once before one operator: each is a namespace in which one thing goes wrong, once."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.cluster.plane import ControlPlane
from tests.e2e.kubectl import eventually
from tests.integration.crash_sweep import Ends, came_to
from tests.integration.end_state import end_state
from tests.integration.history import KINDS, History
from tests.integration.installation import make_namespace
from tests.integration.namespace import COLLECTIONS, Namespace
from tests.integration.proxy import Answer, Call, Cut, Entrance, EventRule, Fault, Rule, Silence, StaleList
from tests.integration.proxy.calls import PAGING
from tests.integration.proxy.events import Way
from tests.integration.proxy.streams import error_event
from tests.integration.scenarios import Scenario

FAULTS: dict[str, Fault] = {
    "409": Answer(409),
    "410": Answer(410),
    "429": Answer(429, retry_after=1),
    "500": Answer(500),
    "503": Answer(503),
    "no answer": Silence(),
    "cut before": Cut(landed=False),
    "cut after": Cut(landed=True),
}
WAYS: tuple[Way, ...] = ("drop", "double", "reorder")

FULL_LISTS = 2
"""How many full lists of a kind in a row are stale: the watches' own, and the one that makes good for them."""

QUIET = 2.0
PATIENCE = 150.0
"""Seconds for all cases of a wave: what a refused call costs at most is a look again in 15 s, what a lost event costs
is a full list."""


class Trigger(Protocol):
    """What makes something go wrong; `struck` counts how often it did."""

    struck: int


@dataclass
class Case:
    """One namespace, and what goes wrong in it. `arm` places the trigger when the action is about to begin.

    Most cases may be over before anything went wrong; others are not before it did `strikes` times.
    """

    what: str
    arm: Callable[[str], Trigger]
    strikes: int = 0
    namespace: Namespace | None = None
    trigger: Trigger | None = None


@dataclass(frozen=True)
class Probe:
    """What the scenario is without faults: its calls, its events by resource, its end."""

    namespace: str
    calls: tuple[Call, ...]
    events: dict[str, int]
    end: Ends


@dataclass
class FaultSweep:
    """One scenario's cases. `ran` are those in which the thing did go wrong, `wrong` is what came of it."""

    scenario: Scenario
    plane: ControlPlane
    entrance: Entrance
    history: History
    ran: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def probe(self) -> Probe:
        """Go through the scenario without faults."""
        (namespace,) = self._prepared(1)
        self._wait_quiet(namespace)
        self.history.catch_up()
        calls, changes = len(self.entrance.record.entries), len(self.history.changes[namespace.name])
        self.scenario.action(namespace)
        eventually("done", lambda: self.scenario.done(namespace))
        self._wait_quiet(namespace)
        self.history.catch_up()
        kinds = [change.name[0] for change in self.history.changes[namespace.name][changes:]]
        events = {resource_of(kind): kinds.count(kind) for kind in KINDS}
        made = tuple(entry.call for entry in self.entrance.record.of(namespace.name, calls))
        return Probe(namespace.name, made, events, end_state(namespace))

    def call_cases(self, probe: Probe) -> Iterable[Case]:
        """Return a case for each fault and each call, and for each LIST one in which it is out of date."""
        for n in range(1, len(probe.calls) + 1):
            for name, fault in FAULTS.items():
                yield Case(f"{name} at call {n}", self._call(Rule(fault, first=n, last=n)))
        lists = [call for call in probe.calls if call.listing]
        for n in range(1, len(lists) + 1):
            yield Case(f"stale list {n}", self._stale(n, probe.namespace, lists))

    def event_cases(self, probe: Probe) -> Iterable[Case]:
        """Return a case for each way and each event of the watches, and one for each kind with stale full lists."""
        for resource, count in probe.events.items():
            for n in range(1, count + 1):
                for way in WAYS:
                    yield Case(f"{way} event {n} of {resource}", self._event(resource, n, way))
        for resource in probe.events:
            yield Case(f"stale full lists of {resource}", self._stale_everywhere(resource), FULL_LISTS)

    def run(self, cases: Iterable[Case], end: Ends, lately: float) -> None:
        """Run all cases at once; a status may be `lately` seconds behind."""
        pending = list(cases)
        untouchable = {}
        for case, namespace in zip(pending, self._prepared(len(pending)), strict=True):
            case.namespace, untouchable[case.what] = namespace, self.scenario.hands_off(namespace)
        for case in pending:
            assert case.namespace is not None
            case.trigger = case.arm(case.namespace.name)
            self.scenario.action(case.namespace)
        done = self._wait(pending)
        self.history.catch_up()
        for case in pending:
            assert case.namespace is not None
            assert case.trigger is not None
            (self.ran if case.trigger.struck else self.missed).append(case.what)
            found = end_state(case.namespace)
            if found != end and case.what in done:
                found = came_to(end, case.namespace, patience=60.0)
            if found != end:
                self.wrong.append(f"{case.what}: {difference(found, end)}")
            violations = self.history.violations(case.namespace.name, untouchable[case.what], lately)
            self.wrong += [f"{case.what}: {sentence}" for sentence in violations]

    def _wait(self, cases: list[Case]) -> set[str]:
        """Wait until the scenario is done everywhere; return where it is."""
        deadline = time.monotonic() + PATIENCE
        done: set[str] = set()
        while len(done) < len(cases) and time.monotonic() < deadline:
            for case in cases:
                assert case.namespace is not None
                assert case.trigger is not None
                struck = case.trigger.struck >= case.strikes
                if case.what not in done and struck and self.scenario.done(case.namespace):
                    done.add(case.what)
            time.sleep(0.5)
        return done

    def _prepared(self, count: int) -> list[Namespace]:
        made = [make_namespace(self.plane) for _ in range(count)]
        for step, done in self.scenario.before:
            for namespace in made:
                step(namespace)
            for namespace in made:
                eventually("prepared", lambda: done(namespace), PATIENCE)  # noqa: B023
        return made

    def _wait_quiet(self, namespace: Namespace) -> None:
        def quiet() -> bool:
            calls = self.entrance.record.of(namespace.name)
            return not calls or time.monotonic() - calls[-1].came > QUIET

        eventually("quiet", quiet)

    def _call(self, rule: Rule) -> Callable[[str], Trigger]:
        def arm(namespace: str) -> Trigger:
            rule.namespace = namespace
            return self.entrance.plan.add(rule)

        return arm

    def _stale(self, n: int, probed: str, lists: list[Call]) -> Callable[[str], Trigger]:
        def arm(namespace: str) -> Trigger:
            for call in lists:
                mine = replace(call, path=call.path.replace(probed, namespace))
                selected = {name: mine.parameters[name] for name in mine.parameters if name not in PAGING}
                answer = self.plane.rest.call("GET", mine.path, query=selected)
                self.entrance.remember(mine, json.dumps(answer).encode())
            rule = Rule(StaleList(), namespace, lambda call: call.listing, first=n, last=n)
            return self.entrance.plan.add(rule)

        return arm

    def _stale_everywhere(self, resource: str) -> Callable[[str], Trigger]:
        def arm(_: str) -> Trigger:
            def full(call: Call) -> bool:
                return call.listing and call.resource == resource and call.namespace is None

            rule = self.entrance.plan.add(Rule(StaleList(), matches=full, last=FULL_LISTS))
            self.entrance.end_watches(error_event(410), resource)  # kopf lists again, and so does the resync, soon
            return rule

        return arm

    def _event(self, resource: str, n: int, way: Way) -> Callable[[str], Trigger]:
        def arm(namespace: str) -> Trigger:
            return self.entrance.edits.add(EventRule(namespace, resource, n, way))

        return arm


def resource_of(kind: str) -> str:
    """Return the plural of a kind."""
    return COLLECTIONS[kind].rpartition("/")[2]


def difference(found: object, expected: object, place: str = "") -> str:
    """Return where two end states differ: each place, and what is there and should be."""
    if isinstance(found, dict) and isinstance(expected, dict):
        names = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        return "; ".join(difference(found.get(name), expected.get(name), f"{place}.{name}") for name in names)
    return f"{place} is {found}, not {expected}"
