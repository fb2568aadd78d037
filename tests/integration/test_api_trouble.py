"""An API server that errs, is busy, refuses the token or is not there: the operator goes on, and its health is true.

A proxy before a real API server makes the trouble; pods are played by KWOK. The process may never end, never run hot
(calls are counted at the proxy), and must bring a model to its spec when the trouble is over.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onnx_operator.kube.kinds import WATCHED
from tests.cluster.plane import ControlPlane
from tests.e2e.kubectl import eventually
from tests.integration.health_log import HealthLog, health_log
from tests.integration.installation import OPERATOR_NAMESPACE, token_of
from tests.integration.namespace import MODEL, Namespace
from tests.integration.proxy import Answer, Rule, proxied
from tests.integration.proxy.streams import CUT, TORN, Ending, error_event
from tests.integration.scenarios import NAME, pinned, serves, uri
from tests.integration.succession import Reign, Succession

OUTAGE = 10.0
TROUBLE = 5.0
"""Seconds that a trouble lasts."""

HOT = 150
"""Calls in one second that no trouble is a reason for: a beginning of all watches and a reconcile make fewer."""

SHIFTED_CLOCK = Path(__file__).parent / "shifted_clock"

WARM = 25.0
"""Calls a second, on average over a trouble."""

Start = Callable[..., Reign]


@pytest.fixture
def start(plane: ControlPlane, kubeconfig: Path, namespace: Namespace, tmp_path: Path) -> Iterator[Start]:
    """Starts the operator of a test, for its namespace, behind a proxy."""
    with ExitStack() as stack:

        def begin(user: Path = kubeconfig, **environment: str) -> Reign:
            proxy = stack.enter_context(proxied(plane, user, tmp_path))
            succession = Succession(plane, proxy, tmp_path, ("--namespaces", namespace.name), environment)
            stack.callback(succession.close)
            return succession.follow()

        yield begin


@pytest.fixture
def reign(start: Start, namespace: Namespace) -> Reign:
    """An operator that leads, with a model that serves."""
    begun = start()
    pinned()(namespace)
    eventually("served", lambda: serves(2)(namespace))
    return begun


@contextmanager
def outlived(reign: Reign, namespace: Namespace) -> Iterator[HealthLog]:
    """What is done inside is trouble for TROUBLE seconds: the spec changes in it, and is served after it."""
    began = time.monotonic()
    with health_log(reign.process) as health:
        yield health
        ended = time.monotonic()
        eventually("ready again", lambda: reign.process.answers("/readyz"))
        eventually("served", lambda: serves(2, 2)(namespace))
        pinned(3)(namespace)
        eventually("news are seen", lambda: serves(2, 3)(namespace))
    reign.process.check()
    record = reign.entrance.record
    calls = sum(began <= entry.came <= ended for entry in record.entries)
    print(f"{calls} calls in {ended - began:.1f} s of trouble; the busiest second had {record.busiest_second(began)}")
    assert all(health.alive)
    assert record.busiest_second(began) <= HOT
    assert calls <= WARM * (ended - began)


@pytest.mark.parametrize("ending", [error_event(410), error_event(500), TORN, CUT], ids=["410", "500", "torn", "cut"])
def test_watches_that_end_badly_again_and_again_begin_again_with_pods_played_by_kwok(
    reign: Reign, namespace: Namespace, ending: Ending
) -> None:
    with outlived(reign, namespace):
        until = time.monotonic() + TROUBLE
        ended = 0
        while time.monotonic() < until:
            ended += reign.entrance.end_watches(ending)
            if ended and namespace.list(MODEL)[0]["spec"]["model"]["uri"] != uri(2):
                pinned(2)(namespace)
            time.sleep(0.2)
    assert ended >= len(WATCHED)


@pytest.mark.parametrize("code", [500, 503, 401])
def test_ten_seconds_of_errors_for_every_call_pass_with_pods_played_by_kwok(
    reign: Reign, namespace: Namespace, code: int
) -> None:
    with outlived(reign, namespace) as health:
        rule = reign.entrance.plan.add(Rule(Answer(code)))
        reign.entrance.end_watches(CUT)
        pinned(2)(namespace)
        time.sleep(OUTAGE)
        reign.entrance.plan.end(rule)
    assert not all(health.ready), "it said that it was ready, and saw nothing"


def test_ten_seconds_without_any_answer_pass_with_pods_played_by_kwok(reign: Reign, namespace: Namespace) -> None:
    with outlived(reign, namespace) as health:
        reign.entrance.cut_off()
        pinned(2)(namespace)
        time.sleep(OUTAGE)
        reign.entrance.let_through()
    assert not all(health.ready), "it said that it was ready, and saw nothing"


def test_a_token_that_expires_is_replaced_when_its_file_is_with_pods_played_by_kwok(
    start: Start, plane: ControlPlane, kubeconfig: Path, namespace: Namespace, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    with bound_token(plane) as (token, revoke):
        file.write_text(token)
        config = json.loads(kubeconfig.read_text())
        good = config["users"][0]["user"]["token"]
        config["users"][0]["user"] = {"tokenFile": str(file)}
        (tmp_path / "by-file.kubeconfig").write_text(json.dumps(config))
        reign = start(tmp_path / "by-file.kubeconfig")
        pinned()(namespace)
        eventually("served", lambda: serves(2)(namespace))
        with outlived(reign, namespace):
            revoke()
            eventually("expired", lambda: not accepted(plane, token))
            reign.entrance.end_watches(CUT)
            pinned(2)(namespace)
            refused = len(reign.entrance.record.entries)
            eventually("refused", lambda: any(e.code == 401 for e in reign.entrance.record.entries[refused:]))
            time.sleep(TROUBLE)
            assert not serves(2, 2)(namespace)
            file.write_text(good)


@contextmanager
def bound_token(plane: ControlPlane) -> Iterator[tuple[str, Callable[[], None]]]:
    """A token of the operator's, as short-lived as the Secret that it is bound to; and what deletes that Secret."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "life-of-a-token"}}
    made = plane.rest.create(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets", secret)
    bound = {"apiVersion": "v1", "kind": "Secret", "name": "life-of-a-token", "uid": made["metadata"]["uid"]}

    def revoke() -> None:
        plane.rest.delete(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets/life-of-a-token")

    yield token_of(plane, "onnx-operator", boundObjectRef=bound), revoke
    revoke()


def accepted(plane: ControlPlane, token: str) -> bool:
    """Whether the API server still takes a token."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = plane.rest.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
    return bool(answer["status"].get("authenticated"))


def test_a_busy_api_server_is_left_alone_for_as_long_as_it_asks_even_when_there_are_news(
    reign: Reign, namespace: Namespace
) -> None:
    wait = 3
    rule = reign.entrance.plan.add(Rule(Answer(429, retry_after=wait), namespace.name, last=2))
    pinned(2)(namespace)
    eventually("refused once", lambda: rule.struck)
    namespace.patch(MODEL, NAME, {"metadata": {"annotations": {"news": "some"}}})
    eventually("served", lambda: serves(2, 2)(namespace))
    calls = reign.entrance.record.of(namespace.name)
    refused = [entry for entry in calls if entry.code == 429]
    assert refused
    on_their_way = 0.5
    early = [
        (entry.came - no.came, str(entry.call))
        for no in refused
        for entry in calls
        # A list of all models is about another matter than what was refused.
        if on_their_way < entry.came - no.came < wait and not str(entry.call).endswith(f"{namespace.name}/onnxmodels")
    ]
    assert early == []


@pytest.mark.parametrize("jump", [86400, -86400], ids=["a day ahead", "a day back"])
def test_a_wall_clock_that_jumps_changes_nothing_with_a_shifted_python_clock_and_pods_played_by_kwok(
    start: Start, namespace: Namespace, tmp_path: Path, jump: int
) -> None:
    shift = tmp_path / "shift"
    search = os.pathsep.join([str(SHIFTED_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
    reign = start(PYTHONPATH=search, SHIFTED_CLOCK=str(shift))
    pinned()(namespace)
    eventually("served", lambda: serves(2)(namespace))
    promoted = promotions(namespace)
    with outlived(reign, namespace):
        shift.write_text(str(jump))
        pinned(2)(namespace)
        until = time.monotonic() + TROUBLE
        while time.monotonic() < until:
            assert reign.process.metrics()["onnx_operator_leader"] == 1
            time.sleep(0.2)
    model = namespace.get(MODEL, NAME)
    assert model is not None
    transitions = [datetime.fromisoformat(c["lastTransitionTime"]) for c in model["status"]["conditions"]]
    assert any(abs((at - datetime.now(UTC)).total_seconds() - jump) < 3600 for at in transitions), "it did not jump"
    assert [uri for _, uri in promotions(namespace)][: len(promoted)] == [uri for _, uri in promoted]


def promotions(namespace: Namespace) -> list[tuple[str, str]]:
    """Return when which version was promoted, by what the revisions say, in that order."""
    found = [
        (
            revision["metadata"]["annotations"]["onnx-operator.dev/promoted-at"],
            revision["data"]["declared"]["model"]["uri"],
        )
        for revision in namespace.list("ControllerRevision")
    ]
    return sorted(found)
