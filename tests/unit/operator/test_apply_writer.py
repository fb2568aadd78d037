"""Single objects, against an API server of which only the answers are played."""

from typing import Any

import pytest

from onnx_operator.apply.repairs import BURST, Repairs
from onnx_operator.apply.writer import Writer
from onnx_operator.cache import Cache
from onnx_operator.decide import reasons
from onnx_operator.desired.service import entry_service
from onnx_operator.kube.errors import Claim, ConflictError, KubeError, OwnershipError, RefusedError
from onnx_operator.kube.kinds import SERVICE, Kind
from onnx_operator.names import FIELD_MANAGER
from onnx_operator.observed import Observed
from tests.unit.operator.one_model import at_once
from tests.unit.operator.situations import observed, spec

Object = dict[str, Any]

WANTED = entry_service(observed(spec()), "digits-new")
SELECTOR = ".spec.selector"


def edited(by: str, operation: str) -> Object:
    """Return the entry Service as it is after somebody has led it elsewhere."""
    ours = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:ports": {}}}}
    theirs = {"manager": by, "operation": operation, "fieldsV1": {"f:spec": {"f:selector": {}}}}
    metadata = {**WANTED["metadata"], "uid": "s", "resourceVersion": "5", "managedFields": [ours, theirs]}
    return {**WANTED, "metadata": metadata, "spec": {**WANTED["spec"], "selector": {"else": "where"}}}


class Answers:
    """Answers an apply with the errors given, one after another, and then does it."""

    def __init__(self, live: Object | None, *errors: KubeError) -> None:
        self.live, self.errors = live, list(errors)
        self.calls: list[str] = []
        self.asked: list[Object] = []
        self.version = 5

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        self.calls.append("get")
        return self.live

    async def apply(self, manifest: Object, force: bool = False) -> Object:
        self.calls.append("force" if force else "apply")
        self.asked.append(manifest)
        return self._done(manifest)

    async def apply_new(self, manifest: Object) -> Object:
        self.calls.append("new")
        return self._done(manifest)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        self.calls.append(f"delete {uid}")

    def _done(self, manifest: Object) -> Object:
        if self.errors:
            raise self.errors.pop(0)
        self.version += 1
        self.live = {**manifest, "metadata": {**manifest["metadata"], "uid": "s", "resourceVersion": str(self.version)}}
        return self.live


class Desk:
    """A writer and what it sees."""

    def __init__(self, live: Object | None, *errors: KubeError) -> None:
        self.now = 0.0
        self.kube, self.cache = Answers(live, *errors), Cache()
        self.writer = Writer(self.kube, self.cache, Repairs(lambda: self.now))  # type: ignore[arg-type]
        if live:
            self.cache.put(SERVICE, live)

    def look(self) -> Observed:
        live = self.cache.get(SERVICE, "team", "digits")
        return observed(spec(), owned={("Service", "digits"): live} if live else {})

    def write(self) -> str | None:
        """Write once what is due; return the reason of the trouble."""
        at = self.look()
        if not self.writer.is_due(at, WANTED):
            return None
        trouble = at_once(self.writer.write(at, WANTED))
        return trouble.reason if trouble else None


def claimed_by(manager: str) -> OwnershipError:
    return OwnershipError(409, "conflict", (Claim(manager, SELECTOR),))


def test_a_missing_object_takes_one_request() -> None:
    desk = Desk(None)
    assert desk.write() is None
    assert desk.write() is None
    assert desk.kube.calls == ["new"]


def test_what_somebody_edited_is_taken_back() -> None:
    desk = Desk(edited("kubectl-edit", "Update"), claimed_by("kubectl-edit"))
    assert desk.write() is None
    assert desk.kube.calls == ["apply", "get", "force"]


def test_what_somebody_applied_is_left_alone_told_and_not_asked_for_again() -> None:
    desk = Desk(edited("argocd", "Apply"), claimed_by("argocd"))
    assert desk.write() == reasons.FIELD_CONFLICT
    assert desk.write() == reasons.FIELD_CONFLICT
    assert desk.kube.calls == ["apply", "get"]

    released = edited("argocd", "Apply")
    released["metadata"] = {**released["metadata"], "resourceVersion": "6", "labels": {"moved": "on"}}
    desk.cache.put(SERVICE, released)
    assert desk.write() is None, "when the object changes, it is tried again"


def test_what_is_not_ours_any_more_is_not_touched() -> None:
    foreign = edited("kubectl-edit", "Update")
    foreign["metadata"] = {**foreign["metadata"], "ownerReferences": []}
    desk = Desk(edited("kubectl-edit", "Update"), claimed_by("kubectl-edit"))
    desk.kube.live = foreign
    with pytest.raises(ConflictError):
        desk.write()
    assert desk.kube.calls == ["apply", "get"]


def test_a_name_that_is_taken_is_told() -> None:
    foreign = edited("helm", "Update")
    foreign["metadata"] = {**foreign["metadata"], "ownerReferences": []}
    desk = Desk(None, ConflictError(409, "the object has been modified"))
    desk.kube.live = foreign
    assert desk.write() == reasons.NAME_CONFLICT
    assert desk.kube.calls == ["new", "get"]


def test_our_own_object_that_has_lost_its_label_is_repaired() -> None:
    desk = Desk(None, ConflictError(409, "the object has been modified"))
    desk.kube.live = edited("kubectl-edit", "Update")
    with pytest.raises(ConflictError):
        desk.write()  # the plan was made without it
    assert desk.kube.calls == ["new", "get", "apply"]
    assert desk.write() is None
    assert desk.kube.calls == ["new", "get", "apply"]


def test_a_repair_is_meant_for_one_object_alone() -> None:
    desk = Desk(edited("kubectl-edit", "Update"))
    desk.write()
    assert desk.kube.asked[-1]["metadata"]["uid"] == "s"


def test_a_value_that_cannot_be_changed_is_made_anew() -> None:
    desk = Desk(edited("kubectl-edit", "Update"), RefusedError(422, "spec.x: Invalid value: field is immutable"))
    assert desk.write() is None
    assert desk.kube.calls == ["apply", "get", "delete s", "new"]


def test_another_refusal_rises() -> None:
    desk = Desk(edited("kubectl-edit", "Update"), RefusedError(422, "spec.x: Invalid value"))
    with pytest.raises(RefusedError):
        desk.write()


def test_a_fight_is_slowed_down_and_told_with_the_name_of_the_other() -> None:
    desk = Desk(edited("fighter", "Update"))

    def round_of_the_fight() -> str | None:
        reason = desk.write()
        desk.kube.version += 1
        again = edited("fighter", "Update")
        again["metadata"] = {**again["metadata"], "resourceVersion": str(desk.kube.version)}
        desk.cache.put(SERVICE, again)
        desk.kube.live = again
        return reason

    assert {round_of_the_fight() for _ in range(BURST)} == {None}
    assert round_of_the_fight() == reasons.CHANGED_BACK
    desk.now += 1.0
    assert round_of_the_fight() is None, "once a second it is repaired"
    assert round_of_the_fight() == reasons.CHANGED_BACK
    desk.now += 3600.0
    assert {round_of_the_fight() for _ in range(BURST)} == {None}
