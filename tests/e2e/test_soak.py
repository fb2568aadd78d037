"""Rollouts, ways back, drains and killed pods, one after the other under constant load: not one request is lost.

`make soak` goes on until 1,000,000 requests were answered, and writes the figures to docs/benchmarks.md. Without its
variables this is a short round of one version promoted and one taken back, which shows that the soak itself works.
SOAK_REQUESTS are the requests to be answered while no fewer events come, SOAK_MINUTES the time after which it ends all
the same, SOAK_WRITE the page that the figures go to.
"""

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.page import write_section
from tests.e2e import load
from tests.e2e import misbehaving_models as bad
from tests.e2e.kubectl import eventually, settled
from tests.e2e.models import scale_model
from tests.e2e.scenario import CRASHED, FORCED, QUICK, Scenario, steady
from tests.e2e.soak_report import Soak, section

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "2000"))
FEWEST_EVENTS = 2
"""The requests may be answered before the first event: how fast the server is must not make the soak an empty one."""
MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
WRITE = os.environ.get("SOAK_WRITE")
PAUSE = 0.004
"""Seconds between an answer and a client's next request: about as much as two cores bear beside a cluster."""

factors = itertools.count(2)


def promoted(scenario: Scenario) -> None:
    new = scenario.ask(scale_model(float(next(factors))), rollout=QUICK)
    scenario.wait_promoted(new)
    scenario.stable = new


def failing(scenario: Scenario) -> None:
    scenario.wait_rejected(scenario.ask(bad.failing(), rollout=steady(25)), "CandidateErrors")


def crashing(scenario: Scenario) -> None:
    scenario.wait_rejected(scenario.ask(bad.crashing(100), rollout=steady(50)), *CRASHED)


def aborted(scenario: Scenario) -> None:
    new = scenario.ask(scale_model(float(next(factors))), rollout=steady(50))
    scenario.wait_weight(50)
    scenario.act("abort", new)
    scenario.wait_rejected(new, "Aborted")


def drained(scenario: Scenario) -> None:
    scenario.damaged.add(("Deployment", scenario.stable))
    pod = scenario.watched.pods(scenario.stable)[0]["metadata"]
    scenario.kubectl("delete", "pod", pod["name"], "--wait=false")
    eventually("it is gone", lambda: pod["uid"] not in {one["metadata"]["uid"] for one in scenario.watched.pods()})
    scenario.wait(lambda model: model["status"]["readyReplicas"] == 2)


def killed(scenario: Scenario) -> None:
    rollout = {**QUICK, "steps": [{"weight": 50}, {"weight": 100}], "stepSeconds": 5}
    new = scenario.ask(scale_model(float(next(factors))), rollout=rollout)
    scenario.wait_weight(50)
    scenario.kubectl("delete", "pod", scenario.watched.pods(new)[0]["metadata"]["name"], *FORCED)
    scenario.wait_promoted(new)
    scenario.stable = new


def scaled(scenario: Scenario) -> None:
    scenario.change(scaling={"minReplicas": 3})
    scenario.wait(lambda model: settled(model) and model["status"]["readyReplicas"] == 3)
    scenario.change(scaling={"minReplicas": 2})
    scenario.wait(lambda model: settled(model) and len(scenario.watched.pods(scenario.stable)) == 2)


EVENTS: dict[str, Callable[[Scenario], None]] = {
    "rollouts promoted": promoted,
    "taken back: 500": failing,
    "pods of the stable revision deleted": drained,
    "taken back: crash": crashing,
    "promoted though a candidate's pod was killed": killed,
    "scaled up and down": scaled,
    "aborted by hand": aborted,
}


@pytest.mark.timeout(MINUTES * 60 + 300)
def test_rollouts_over_and_over_lose_no_request(scenario: Scenario) -> None:
    scenario.serve(pause=PAUSE)
    began, done = time.monotonic(), Counter[str]()
    commit = machine.commit()  # the images' one: it may go on here meanwhile
    for name in itertools.cycle(EVENTS):
        enough = done.total() >= FEWEST_EVENTS and scenario.load.count() >= REQUESTS
        if enough or time.monotonic() - began > MINUTES * 60:
            break
        EVENTS[name](scenario)
        done[name] += 1
        # For who watches with -s: it goes on for a while.
        print(f"{time.monotonic() - began:6.0f} s {scenario.load.count():9,} requests; {name}", flush=True)
    requests = scenario.finish("soak", scenario.stable)
    soak = Soak(
        minutes=(time.monotonic() - began) / 60,
        by_kind=Counter(request.kind for request in requests),
        lost=len(load.lost(requests)),
        events=done,
        p50=load.percentile(requests, 0.5),
        p99=load.percentile(requests, 0.99),
        slowest=load.percentile(requests, 1.0),
    )
    text = section(soak, machine.describe(), commit, machine.now())
    print(text)
    if WRITE:
        write_section(Path(WRITE), text)
    assert scenario.versions > 1
