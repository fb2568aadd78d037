"""Who is told which split, and who is not told again."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from onnx_operator.apply.split import Orders, follows
from onnx_operator.observed import Observed
from onnx_operator.rollout import Address, ShadowOrder, SplitOrder, SplitState
from onnx_operator.split_state import split_state
from tests.cluster.split_stand_in import SPLIT, Split
from tests.unit.operator.one_model import at_once
from tests.unit.operator.situations import observed, pod, ready_pod, spec

ORDER = SplitOrder(3, "new", 25, (Address("c", "10.0.0.9"), Address("d", "10.0.0.8")))


class Pods:
    """The control ports of pods; `silent` ones do not answer."""

    def __init__(self) -> None:
        self.splits: dict[str, Split] = {}
        self.silent: set[str] = set()
        self.deaf: set[str] = set()
        self.told: list[str] = []

    async def set_split(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        self.told.append(pod_uid)
        if pod_uid in self.silent:
            return None
        plays = {SPLIT: "Deaf"} if pod_uid in self.deaf else {}
        return split_state(self.of(pod_uid).take(order.to_json(), plays)[1], pod_uid)

    def of(self, pod_uid: str) -> Split:
        return self.splits.setdefault(pod_uid, Split(pod_uid, "boot"))

    def seen(self, *names: str) -> Observed:
        """Return what is observed of these pods, all ready."""
        pods = tuple(ready_pod(name) for name in names)
        states = {uid: split_state(self.of(uid).document({}), uid) for uid in (p["metadata"]["uid"] for p in pods)}
        splits = {uid: None if uid in self.silent else state for uid, state in states.items()}
        return observed(spec(), pods={"old": pods}, splits=splits)


def give(orders: Orders, seen: Observed, order: SplitOrder = ORDER) -> None:
    work: Coroutine[Any, Any, None] = orders.give(seen, {"old": order})
    at_once(work)


def test_every_ready_pod_is_told_once() -> None:
    pods = Pods()
    orders = Orders(pods)
    give(orders, pods.seen("a", "b"))
    assert sorted(pods.told) == ["uid-a", "uid-b"]
    assert pods.of("uid-a").order == ORDER.to_json()
    give(orders, pods.seen("a", "b"))
    assert len(pods.told) == 2


def test_a_pod_that_is_not_ready_or_has_no_address_is_not_told() -> None:
    pods = Pods()
    nowhere = ready_pod("a")
    del nowhere["status"]["podIP"]
    going = ready_pod("b", deletionTimestamp="2026-11-01T12:00:00Z")
    give(Orders(pods), observed(spec(), pods={"old": (nowhere, going, pod("c")), "other": (ready_pod("d"),)}))
    assert pods.told == []


def test_who_does_not_hear_it_is_told_again() -> None:
    pods = Pods()
    orders = Orders(pods)
    pods.silent.add("uid-a")
    pods.deaf.add("uid-b")
    for _ in range(2):
        give(orders, pods.seen("a", "b"))
    assert sorted(pods.told) == ["uid-a", "uid-a", "uid-b", "uid-b"]


def test_another_process_tells_once_more_because_a_pod_does_not_say_all_of_it() -> None:
    pods = Pods()
    give(Orders(pods), pods.seen("a"))
    give(Orders(pods), pods.seen("a"))
    assert len(pods.told) == 2


def test_a_change_of_anything_is_told() -> None:
    pods = Pods()
    orders = Orders(pods)
    changes = [
        ORDER,
        SplitOrder(3, "new", 25, ORDER.candidates[:1]),
        SplitOrder(3, "new", 25, ORDER.candidates[:1], preview_header="x-preview"),
        SplitOrder(4, "new", 50, ORDER.candidates[:1], preview_header="x-preview"),
        SplitOrder(5, None, 0),
    ]
    for order in changes:
        give(orders, pods.seen("a"), order)
        give(orders, pods.seen("a"), order)
    assert len(pods.told) == len(changes)


def test_the_order_of_addresses_is_no_change() -> None:
    pods = Pods()
    orders = Orders(pods)
    give(orders, pods.seen("a"))
    pods.of("uid-a").order["candidates"].reverse()
    give(orders, pods.seen("a"))
    assert len(pods.told) == 1


def test_a_server_that_starts_again_is_told_again() -> None:
    pods = Pods()
    orders = Orders(pods)
    give(orders, pods.seen("a"))
    pods.splits["uid-a"] = Split("uid-a", "another boot")
    give(orders, pods.seen("a"))
    assert len(pods.told) == 2


def test_a_pod_that_follows_a_later_order_is_left_to_it() -> None:
    pods = Pods()
    pods.of("uid-a").order = SplitOrder(9, "newer", 5).to_json()
    give(Orders(pods), pods.seen("a"))
    assert pods.of("uid-a").order["generation"] == 9


def test_a_pod_follows_an_order_when_it_copies_and_counts_for_the_rollout_as_told() -> None:
    order = replace(ORDER, course="2026-11-28T21:00:00.000000Z", shadow=ShadowOrder(20, 0.005, 0.0))
    state = split_state(Split("a", "boot").take(order.to_json(), {})[1], "a")
    assert state is not None
    assert follows(state, order)
    assert not follows(state, replace(order, course="another"))
    assert not follows(state, replace(order, shadow=None))
    assert not follows(state, replace(order, shadow=ShadowOrder(30, 0.005, 0.0)))
    older = replace(state, evidence=None, shadow=None)
    assert follows(older, order), "it cannot more"
