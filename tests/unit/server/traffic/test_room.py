"""How many copies there is room for."""

import pytest

from onnx_server.traffic.mirror.contention import Contended
from onnx_server.traffic.room import (
    CREDIT_SECONDS,
    FREE,
    HELD_SHARE,
    LASTING,
    LONGEST_SECONDS,
    MOMENTS,
    SHARE,
    USUAL_SECONDS,
    Room,
)

NOW = 100.0
SLOW = 1.0


def room(copies: int = 2, size: int = 100) -> Room:
    made = Room()
    made.max_in_flight, made.max_bytes = copies, size
    return made


def test_copies_and_bytes() -> None:
    some = room()
    assert not some.full(NOW)
    assert some.take(60, SLOW, NOW)
    assert not some.take(41, SLOW, NOW)
    assert some.take(40, SLOW, NOW)
    assert some.full(NOW)
    some.give(60, SLOW, 0.0, NOW)
    assert not some.full(NOW)
    assert (some.in_flight, some.bytes) == (1, 40)


def test_less_room_than_is_taken() -> None:
    some = room()
    assert some.take(100, SLOW, NOW)
    some.max_in_flight, some.max_bytes = 1, 10
    assert some.full(NOW)
    some.give(100, SLOW, 0.0, NOW)
    assert not some.full(NOW)
    assert not some.take(11, SLOW, NOW)


def test_a_share_of_the_time_and_a_little_credit() -> None:
    some, now, cost, copies = room(), 100.0, 1e-3, 0
    while now < 110.0:
        if not some.full(now):
            assert some.take(1, SLOW, now)
            some.give(1, SLOW, cost, now)
            copies += 1
        now += 1e-4
    share = copies * cost / 10
    assert SHARE <= share <= SHARE * (1 + CREDIT_SECONDS / 10) * 1.05


def test_what_takes_long_is_paid_for() -> None:
    some = room()
    assert some.take(1, SLOW, 100.0)
    some.give(1, SLOW, 0.1, 100.0)
    assert some.full(100.0 + 0.1 / SHARE - CREDIT_SECONDS - 0.01)
    assert not some.full(100.0 + 0.1 / SHARE - CREDIT_SECONDS + 0.01)


def test_one_after_the_other_once_the_credit_is_used() -> None:
    some = room(copies=1000)
    now = 100.0
    while not some.full(now):
        assert some.take(0, SLOW, now)
    now += USUAL_SECONDS / SHARE
    assert some.take(0, SLOW, now)
    assert some.full(now)
    assert not some.full(now + USUAL_SECONDS / SHARE)


@pytest.mark.parametrize("cost", [0.0, USUAL_SECONDS / 2, USUAL_SECONDS * 3])
def test_in_the_end_what_it_took_is_paid(cost: float) -> None:
    some = room(copies=10_000)
    now = 100.0
    while not some.full(now):
        assert some.take(0, SLOW, now)
        some.give(0, SLOW, 1e-3, now)
    due = next(wait for wait in range(10_000) if not some.full(now + wait * 1e-4)) * 1e-4
    assert some.take(0, SLOW, now)
    some.give(0, SLOW, cost, now)
    assert not some.full(now + due + cost / SHARE + 2e-4)
    assert cost == 0 or some.full(now + due + cost / SHARE - 2e-4)


@pytest.mark.parametrize("request_seconds", [3e-4, 1.5e-3])
def test_few_of_the_quick_requests_are_held_up_after_the_first_copies(request_seconds: float) -> None:
    some, now, copies, last = room(), 100.0, 0, 0.0
    while copies < FREE + 50:
        if not some.full(now):
            assert some.take(1, request_seconds, now)
            some.give(1, request_seconds, USUAL_SECONDS, now)
            copies += 1
            if copies == FREE:
                last = now
        now += 1e-3
    assert last - 100.0 <= FREE * USUAL_SECONDS / SHARE, "the first ones wait for nothing but their share of the core"
    held = 50 * (MOMENTS * request_seconds + LASTING * USUAL_SECONDS) / (now - last)
    assert held == pytest.approx(HELD_SHARE, rel=0.05)
    some.rest()
    assert not some.full(now)


def test_fewer_are_where_the_copies_take_the_cpu_from_them() -> None:
    quick, contended = 3e-4, Contended(0.8, 2.5e-3, 10)
    held = (MOMENTS + 0.8 * 10) * quick + LASTING * 2e-3
    for lasts in (1e-3, 1.0, 10.0):
        some, now, begun, ends = room(), 100.0, [], []
        while len(begun) < FREE + 20:
            if ends and now >= ends[0]:
                some.give(1, quick, USUAL_SECONDS, ends.pop(0), contended)
            if not some.full(now):
                assert some.take(1, quick, now)
                begun.append(now)
                ends.append(now + lasts)
            now += 1e-3
        if lasts < 1.0:
            assert begun[FREE - 1] - 100.0 <= FREE * USUAL_SECONDS / SHARE, "the first ones are as many as ever"
        assert held * 19 / (begun[-1] - begun[FREE]) <= HELD_SHARE * 1.15, "whatever is under way at once"
        if lasts < 10.0:
            assert held * 19 / (begun[-1] - begun[FREE]) >= HELD_SHARE * 0.8


def test_a_little_contention_is_a_few_more_turns() -> None:
    quick = 3e-4
    usual = (MOMENTS * quick + LASTING * USUAL_SECONDS) / HELD_SHARE
    for contended, more in (
        (Contended(0.0, 1.0, 100), 0.0),
        (Contended(0.2, USUAL_SECONDS, 10), 0.2 * 10 * quick / HELD_SHARE),
        (Contended(1.0, 1.0, 100), LONGEST_SECONDS - usual),
    ):
        some, now = room(), 100.0
        for _ in range(FREE + 1):
            while some.full(now):
                now += 1e-3
            assert some.take(1, quick, now)
            some.give(1, quick, USUAL_SECONDS, now, contended)
        assert some.full(now + usual + more - 1e-6)
        assert not some.full(now + usual + more + 1e-6)


def test_slow_requests_do_not_feel_copies() -> None:
    some, now = room(), 100.0
    for _ in range(2 * FREE):
        while some.full(now):
            now += 1e-2
        assert some.take(1, 2e-3, now)
        some.give(1, 2e-3, USUAL_SECONDS, now, Contended(1.0, 1.0, 100))
    assert now - 100.0 <= 2 * FREE * USUAL_SECONDS / SHARE + 1
