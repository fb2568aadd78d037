"""To which calls a fault happens: rules that count. Pure; used by the proxy's thread, filled and read by the test's."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.proxy.calls import Call
from tests.integration.proxy.faults import Fault


def any_call(call: Call) -> bool:
    """Match every call."""
    return True


def any_write(call: Call) -> bool:
    """Match every write."""
    return call.write


@dataclass
class Rule:
    """A fault for the `first` to the `last` matching call, counted from when the rule is added; None is no end.

    `namespace` None matches calls of all namespaces and of none. `seen` counts matching calls, `struck` the faults.
    """

    fault: Fault
    namespace: str | None = None
    matches: Callable[[Call], bool] = any_call
    first: int = 1
    last: int | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self, call: Call) -> bool:
        """Count a call; return whether the fault happens to it."""
        if not self.matches(call):
            return False
        self.seen += 1
        strikes = self.first <= self.seen and (self.last is None or self.seen <= self.last)
        self.struck += strikes
        return strikes


@dataclass
class Plan:
    """The rules of an entrance, by namespace: hundreds of cases run at once."""

    _rules: dict[str | None, list[Rule]] = field(default_factory=dict)

    def add(self, rule: Rule) -> Rule:
        """Let a rule hold from now on; return it."""
        # Replaced as a whole, because another thread may be reading the old one.
        self._rules[rule.namespace] = [*self._rules.get(rule.namespace, []), rule]
        return rule

    def end(self, rule: Rule) -> None:
        """Let a rule hold no longer."""
        self._rules[rule.namespace] = [kept for kept in self._rules[rule.namespace] if kept is not rule]

    def fault(self, call: Call) -> Fault | None:
        """Return what happens to a call, by the rule added first; every rule counts it."""
        rules = [*self._rules.get(None, [])]
        if call.namespace is not None:
            rules += self._rules.get(call.namespace, [])
        striking = [rule.fault for rule in rules if rule.strikes(call)]
        return striking[0] if striking else None
