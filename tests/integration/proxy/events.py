"""Edits a watch stream, event by event: drops, doubles and reorders. Pure."""

import json
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["drop", "double", "reorder"]


@dataclass
class EventRule:
    """What happens to the `nth` event of a namespace and resource, counted from when the rule is added.

    `reorder` holds the event back until the next one of the same namespace and resource has passed.
    """

    namespace: str
    resource: str
    nth: int
    way: Way
    seen: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count an event; return whether the rule is about it."""
        self.seen += 1
        self.struck += self.seen == self.nth
        return self.seen == self.nth


@dataclass
class Edits:
    """The rules of an entrance by namespace and resource."""

    rules: dict[tuple[str, str], list[EventRule]] = field(default_factory=dict)

    def add(self, rule: EventRule) -> EventRule:
        """Let a rule hold from now on; return it."""
        key = (rule.namespace, rule.resource)
        self.rules[key] = [*self.rules.get(key, []), rule]
        return rule

    def way(self, namespace: str, resource: str) -> Way | None:
        """Return what happens to the next event; every rule counts it."""
        ways = [rule.way for rule in self.rules.get((namespace, resource), []) if rule.strikes()]
        return ways[0] if ways else None


@dataclass
class Editor:
    """The edits of one open stream of one resource."""

    edits: Edits
    resource: str
    _held: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether an event is held back."""
        return bool(self._held)

    def passed(self, line: bytes) -> list[bytes]:
        """Return what is passed on now that this line has come."""
        if not self.edits.rules:
            return [line]
        namespace = _namespace(line)
        if namespace is None:
            return [line]
        way = self.edits.way(namespace, self.resource)
        if way == "reorder":
            self._held.setdefault(namespace, []).append(line)
            return []
        held = self._held.pop(namespace, [])
        return {None: [line], "drop": [], "double": [line, line]}[way] + held

    def let_go(self) -> list[bytes]:
        """Return what is held back: no other event has come that it could follow."""
        held, self._held = self._held, {}
        return [line for lines in held.values() for line in lines]


def _namespace(line: bytes) -> str | None:
    event = json.loads(line)
    if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
        return None
    namespace: str | None = event["object"]["metadata"].get("namespace")
    return namespace
