"""The stories that lead to each recorded state: what happens to a model, and when."""

import json
from collections.abc import Callable
from typing import Any

from onnx_operator.evidence import Evidence, Memory, Output
from onnx_operator.measure import Answer, Measure, Number, Opinion
from tests.unit.operator.kubectl.life import Life, loading, model_spec, moment, not_found, stored, version_of

Object = dict[str, Any]

MIB = 1 << 20
# What the revisions of versions 1, 2 and 3 are called on all pages, whatever hash their specs have today.
NAMES = {"1": "digits-hzbw5b6dxn", "2": "digits-bq24cmd5fz", "3": "digits-r4gj2dq4zj"}

QUERY = 'sum(rate(clicks{revision="{{candidate}}"}[1m])) / sum(rate(shown{revision="{{candidate}}"}[1m]))'
ANALYSIS: Object = {
    "prometheus": [{"name": "clicks", "query": QUERY, "min": "0.2"}],
    "webhooks": [{"name": "acceptance", "url": "https://hooks.example/digits"}],
}
PAUSE: Object = {"steps": [{"weight": 5}, {"weight": 25}, {"pause": {}}, {"weight": 50}, {"weight": 100}]}
ALL_CASES = "40 of 40 cases are as they should be"


def played(state: str) -> list[Object]:
    """Return the model and its pods at the end of a story, under the names of the pages."""
    life = STORIES[state]()
    text = json.dumps(life.shown())
    for revision in life.revisions:
        text = text.replace(revision.name, NAMES[version_of(revision.uri)])
    items: list[Object] = json.loads(text)
    return items


def unseen() -> Life:
    return Life(model_spec(1))


def starting() -> Life:
    life = Life(model_spec(1), born="12:34:00")
    life.looks("12:34:01")
    life.loads(life.name(1), "12:34:06")
    life.looks("12:34:06")
    return life


def stalled() -> Life:
    life = Life(model_spec(3), born="12:33:50")
    life.looks("12:33:51")
    (pod,) = life.pods[life.name(3)]
    life.pods[life.name(3)] = [not_found(pod)]
    life.looks("12:33:55")
    return life


def serving(**more: Any) -> Life:
    """Version 1 serves."""
    life = Life(model_spec(1, **more))
    life.looks("12:00:01")
    life.comes_up(life.name(1), "12:00:19")
    life.looks("12:00:20")
    life.comes_up(life.name(1), "12:00:35")
    life.looks("12:00:36")
    return life


def outdated() -> Life:
    life = serving()
    life.asks(**model_spec(2))
    return life


def deleting() -> Life:
    life = serving()
    life.generation += 1  # as the API server does
    life.deleted = "12:34:05"
    return life


def preflight(begin: str = "12:30:00", **more: Any) -> Life:
    """Version 2 is asked for, and its first pod fetches it."""
    life = serving()
    life.asks(**model_spec(2, **more))
    life.looks(begin)
    return life


def capacity_pending() -> Life:
    life = serving()
    life.unschedulable = True
    life.asks(**model_spec(2))
    life.looks("12:30:00")
    return life


def recreate() -> Life:
    life = serving()
    life.asks(**model_spec(2, rollout={"strategy": "Recreate"}))
    for at in ("12:30:00", "12:30:07"):
        life.looks(at)
    life.loads(life.name(2), "12:33:50")
    life.looks("12:33:50")  # what is to be fetched is known now, so that the second pod comes
    return life


def shadow() -> Life:
    """It is judged by copies; it took minutes to fetch."""
    life = judged(preflight(), "12:34:01")
    life.sees("12:34:03", seen(20))
    life.sees("12:34:06", seen(50))
    return life


def inconclusive() -> Life:
    """Nearly nobody asks."""
    life = judged(preflight("12:02:00"), "12:02:30")
    life.sees("12:07:00", seen(10))
    life.sees("12:11:00", seen(20))
    life.looks("12:32:46")  # maxWaitSeconds after the step's time
    return life


def at_5_percent(begin: str = "12:30:00", up: str = "12:30:20", over: str = "12:30:36", **more: Any) -> Life:
    life = judged(preflight(begin, **more), up)
    for copies in (20, 50, 100):
        life.sees(up, seen(copies), **answers(up))
    life.sees(over, seen(200), **answers(over))
    return life


def progressing() -> Life:
    """It gets a quarter of the requests, and the webhook is still at it."""
    life = at_5_percent(rollout={"analysis": ANALYSIS})
    life.sees("12:32:00", seen(200, 400, errors=1), **answers("12:32:00", done=20, clicks=0.242))
    life.sees("12:34:01", seen(200, 800, errors=1), **answers("12:34:00", clicks=0.231))
    life.sees("12:34:07", seen(200, 900, errors=2), **answers("12:34:06", done=12, clicks=0.234))
    return life


def at_25_percent() -> Life:
    life = at_5_percent()
    life.sees("12:32:10", seen(200, 300))
    return life


def not_acknowledged() -> Life:
    """One of the stable revision's pods does not answer when it is told the next weight."""
    life = at_5_percent()
    life.deaf.add(life.pods[life.name(1)][1]["metadata"]["name"])
    life.sees("12:32:10", seen(200, 300))
    return life


def paused() -> Life:
    life = judged(preflight(rollout=PAUSE), "12:30:20")
    life.sees("12:32:10", seen(0, 400))
    life.action = f"pause@{life.name(2)}#3f9a1c20"
    life.sees("12:32:20", seen(0, 1000))
    return life


def rolling_back() -> Life:
    """What it is asked at 25 % of the requests, it often cannot answer."""
    life = at_25_percent()
    life.lingers = True
    life.sees("12:32:31", seen(200, 380, errors=31))
    return life


def aborted() -> Life:
    life = rolling_back()
    del life.pods[life.name(2)][:]
    life.looks("12:32:40")
    return life


def quiet_rollback() -> Life:
    """Somebody asks for version 1 again."""
    life = at_25_percent()
    life.lingers = True
    life.asks(**model_spec(1))
    life.looks("12:34:05")
    return life


def promoting(begin: str = "12:30:00") -> Life:
    """Somebody is sure of it, and it lacks the second pod."""
    early = begin != "12:30:00"
    life = at_5_percent(begin, "12:20:20", "12:20:36") if early else at_25_percent()
    life.action = f"promote@{life.name(2)}#9c01d7be"
    at = "12:21:00" if early else "12:33:00"
    life.looks(at)
    first, second = life.pods[life.name(2)]
    life.pods[life.name(2)] = [first, loading(second, life.digest(life.name(2)), moment(at))]
    life.looks(at)
    return life


def handing_over() -> Life:
    life = promoting()
    life.comes_up(life.name(2), "12:33:20")
    life.looks("12:33:20")
    return life


def healthy() -> Life:
    """It has taken over, and version 1 has gone."""
    life = promoting("12:20:00")
    life.comes_up(life.name(2), "12:21:20")
    for at in ("12:21:20", "12:22:21", "12:22:22"):
        life.looks(at)
    return life


def suspending() -> Life:
    life = healthy()
    life.lingers = True
    life.asks(state="Suspended")
    life.looks("12:34:00")
    return life


def suspended() -> Life:
    life = suspending()
    del life.pods[life.name(2)][:]
    life.looks("12:34:05")
    return life


def unmanaged() -> Life:
    life = healthy()
    life.asks(state="Unmanaged")
    life.looks("12:34:00")
    return life


def rolled_back() -> Life:
    """Version 2 served, and somebody was not content with it."""
    life = healthy()
    life.action = f"rollback@{life.name(1)}#5e0a11d4"
    life.looks("12:32:30")
    life.comes_up(life.name(1), "12:32:59")
    for at in ("12:33:00", "12:34:01", "12:34:02"):
        life.looks(at)
    return life


STORIES: dict[str, Callable[[], Life]] = {
    story.__name__.replace("_", "-"): story
    for story in (
        aborted, capacity_pending, deleting, handing_over, healthy, inconclusive, not_acknowledged, outdated, paused,
        preflight, progressing, promoting, quiet_rollback, recreate, rolled_back, rolling_back, shadow, stalled,
        starting, suspended, suspending, unmanaged, unseen,
    )
}  # fmt: skip


def judged(life: Life, up: str) -> Life:
    """The first pod of version 2 is ready, and the first step begins."""
    life.memory = Memory(102 * MIB, None, tuple((64 * n, 100 * MIB + min(n, 4) * MIB // 2) for n in range(13)))
    life.comes_up(life.name(2), up)
    life.looks(up)
    return life


def seen(copies: int, forwarded: int = 0, errors: int = 0) -> Evidence:
    """Return what pods have seen of a candidate that is a little slower, and of another opinion once in a while."""
    alike = copies // 3 + forwarded // 6
    outputs = tuple(
        Output(
            name, datatype, kind, samples=copies, agreed=copies - copies // 60, equal=copies - copies // 60,
            changed=copies * 4 // 5, stuck=copies // 50, top1=copies - copies // 60,
        )
        for name, datatype, kind in (("label", "INT64", "exact"), ("probabilities", "FP32", "scores"))
    )  # fmt: skip
    pairs = {at: alike // 5 + (n < alike % 5) for n, at in enumerate((104, 101, 108, 97, 113))}
    return Evidence(
        "", copies + 4 * forwarded, (copies + forwarded) // 1000, copies + forwarded, errors, copies=copies,
        compute={at: count for at, count in pairs.items() if count}, outputs=outputs if copies else (),
    )  # fmt: skip


def answers(at: str, done: int = 40, clicks: float = 0.228) -> dict[str, Measure]:
    """Return what the user's own checks answer at a time."""
    opinion: Answer = Opinion(stored(at), "Pass", ALL_CASES, "40 of 40")
    if done < 40:
        opinion = Opinion(stored(at), "Unknown", f"{done} of 40 cases are done", f"{done} of 40")
    return {"clicks": Measure(Number(stored(at), clicks)), "acceptance": Measure(opinion)}
