"""The section of docs/benchmarks.md that a soak makes. Pure."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

MUST_ANSWER = 1_000_000

HEAD = """# Soak of rollouts

Made by `make soak`; no number here is typed by hand. Clients that never retry ask a model of two pods through its entry
Service all the time, on a real cluster of one node, over HTTP (one connection, and a new one for each request) and gRPC
(calls over one connection, and one stream after the other). Meanwhile its versions come and go. A request is lost if it
got no answer, or an error that the model did not cause.
"""


@dataclass(frozen=True)
class Soak:
    """What a soak came to: requests by kind of client, what happened how often; times of requests in seconds."""

    minutes: float
    by_kind: Counter[str]
    lost: int
    events: Counter[str]
    p50: float
    p99: float
    slowest: float


def section(soak: Soak, machine: dict[str, Any], commit: str, at: str) -> str:
    """Return the section."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(soak.by_kind.items()))
    events = "\n".join(f"| {name} | {count} |" for name, count in soak.events.items())
    times = " / ".join(f"{seconds * 1000:.1f}" for seconds in (soak.p50, soak.p99, soak.slowest))
    return f"""{HEAD}
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}; cluster,
pods and clients share them. At commit {commit}, until {at}, for {soak.minutes:.0f} minutes.

| what | measured | must |  |
| --- | --- | --- | --- |
| requests | {soak.by_kind.total():,} ({kinds}) | ≥ {MUST_ANSWER:,} | {_verdict(soak.by_kind.total() >= MUST_ANSWER)} |
| lost | {soak.lost} | 0 | {_verdict(soak.lost == 0)} |
| p50 / p99 / slowest request, ms | {times} | - |  |

| what happened meanwhile | times |
| --- | --- |
{events}
"""


def _verdict(met: bool) -> str:
    return "met" if met else "**NOT MET**"
