"""One scenario, again and again: the k-th time, the operator is killed (kill -9) when its k-th write has landed."""

import time
from dataclasses import dataclass, field

from tests.cluster.plane import ControlPlane
from tests.e2e.kubectl import eventually
from tests.integration.audit import Audit
from tests.integration.end_state import end_state
from tests.integration.history import History
from tests.integration.installation import make_namespace
from tests.integration.namespace import Namespace
from tests.integration.proxy import Crash, Rule
from tests.integration.proxy.plan import any_write
from tests.integration.scenarios import Scenario, delete
from tests.integration.succession import Reign, Succession

QUIET = 1.5
"""Seconds without a call after which an operator has nothing more to do."""

Ends = dict[str, dict[str, object]]


@dataclass
class CrashSweep:
    """A sweep. `killed_after` are the k at which an operator was killed; `wrong` what invariants were violated."""

    scenario: Scenario
    plane: ControlPlane
    succession: Succession
    history: History
    killed_after: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _prepared: list[Namespace] = field(default_factory=list)
    _made: list[Namespace] = field(default_factory=list)

    def run(self) -> None:
        """Go on until the scenario ends before the k-th write; each time the end must be that of the unkilled one."""
        audit = Audit(self.plane)
        reign = self.succession.follow()
        self._prepare(2)
        expected, writes = self._unkilled(reign)
        self._prepare(writes + 1)
        for k in range(1, 10 * writes):
            namespace = self._next()
            untouchable = self.scenario.hands_off(namespace)
            began = audit.position()
            rule = Rule(Crash(reign.kill), namespace.name, any_write, first=k, last=k)
            reign.entrance.plan.add(rule)
            self.scenario.action(namespace)
            eventually("killed or done", lambda: rule.struck or self._at_rest(namespace, reign))  # noqa: B023
            if rule.struck:
                reign.process.process.wait()
                landed = audit.writes(began, namespace=namespace.name)
                assert len(landed) == k, f"killed after write {k}, {len(landed)} have landed"
                self.killed_after.append(k)
                self._afterwards(namespace)
                reign = self.succession.follow()
            else:
                self._afterwards(namespace)
            eventually("over", lambda: self.scenario.over(namespace))  # noqa: B023
            came = came_to(expected, namespace)
            assert came == expected, f"killed after write {k}: {differing(expected, came)}"
            self._check(namespace, f"killed after write {k}", untouchable)
            if not rule.struck:
                return
        raise AssertionError(f"no end after {k} writes, where an unkilled operator needs {writes}")

    def clear(self) -> None:
        """Delete the models; the empty namespaces cost nothing, and their deletion would cost a lot."""
        for namespace in self._made:
            delete(namespace)

    def _unkilled(self, reign: Reign) -> tuple[Ends, int]:
        namespace = self._next()
        untouchable = self.scenario.hands_off(namespace)
        before = len(reign.entrance.record.writes(namespace.name))
        self.scenario.action(namespace)
        eventually("done", lambda: self._at_rest(namespace, reign))
        writes = len(reign.entrance.record.writes(namespace.name)) - before
        self._afterwards(namespace)
        eventually("over", lambda: self.scenario.over(namespace))
        self._check(namespace, "unkilled", untouchable)
        return end_state(namespace), writes

    def _at_rest(self, namespace: Namespace, reign: Reign) -> bool:
        if not self.scenario.done(namespace):
            return False
        calls = reign.entrance.record.of(namespace.name)
        return not calls or time.monotonic() - calls[-1].came > QUIET

    def _afterwards(self, namespace: Namespace) -> None:
        if self.scenario.afterwards:
            self.scenario.afterwards[0](namespace)

    def _check(self, namespace: Namespace, when: str, untouchable: frozenset[tuple[str, str]]) -> None:
        self.history.catch_up()
        self.wrong += [f"{when}, {found}" for found in self.history.violations(namespace.name, untouchable)]

    def _next(self) -> Namespace:
        if not self._prepared:
            self._prepare(4)
        return self._prepared.pop(0)

    def _prepare(self, count: int) -> None:
        """Bring so many namespaces to where the scenario begins, all at a time."""
        made = [make_namespace(self.plane) for _ in range(count)]
        self._made += made
        for step, done in self.scenario.before:
            for namespace in made:
                step(namespace)
            for namespace in made:
                eventually("prepared", lambda: done(namespace))  # noqa: B023
        self._prepared += made


def came_to(expected: Ends, namespace: Namespace, patience: float = 30.0) -> Ends:
    """Return the end state of a namespace, once it is the expected one and stays so; else what it is at last."""
    deadline = time.monotonic() + patience
    stays = 0
    while (found := end_state(namespace)) != expected or stays < 2:
        if time.monotonic() > deadline:
            return found
        stays = stays + 1 if found == expected else 0
        time.sleep(0.1)
    return found


def differing(expected: Ends, came: Ends) -> Ends:
    """Return what is otherwise than it was to be: of each object, what was expected and what came."""
    names = sorted({*expected, *came})
    return {n: {"expected": expected.get(n), "came": came.get(n)} for n in names if expected.get(n) != came.get(n)}
