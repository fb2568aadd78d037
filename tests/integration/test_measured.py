"""Rollouts that are judged by Prometheus and by a webhook: a real API server, a real operator, both of them real."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.rest import Object, RestError
from tests.integration.hook_server import HookServer
from tests.integration.namespace import MODEL, Namespace
from tests.integration.operator_process import StartOperator
from tests.integration.prometheus_server import Scraped, prometheus
from tests.integration.rollouts import ask, canary, serve, taken_back
from tests.integration.scenarios import NAME, uri

STEPS = (5, 100)


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer()
    yield server
    server.close()


def webhooks(server: HookServer) -> Object:
    return {"webhooks": [{"name": "acceptance", "url": f"http://{server.address}/judge"}]}


def check(name: str, holds: Callable[[Object], bool]) -> Callable[[Object], bool]:
    """Return a check of the model that holds when it does of what this check of the rollout tells."""

    def found(model: Object) -> bool:
        checks = model.get("status", {}).get("rollout", {}).get("checks", [])
        return any(one["check"] == name and holds(one) for one in checks)

    return found


def test_a_webhook_is_told_of_the_rollout_and_its_fail_takes_the_candidate_back(
    start_operator: StartOperator, namespace: Namespace, hook: HookServer
) -> None:
    operator = start_operator("--webhook-hosts", hook.address)
    operator.wait_leading()
    old = serve(namespace, 1)
    assert hook.asked == []
    new = ask(namespace, 2, rollout=canary(*STEPS, analysis=webhooks(hook)))
    said = {"verdict": "Unknown", "message": "still at it"}
    namespace.wait(MODEL, NAME, check("acceptance", lambda told: said.items() <= told.items()))
    hook.answer = {"verdict": "Fail", "message": "3 of 40 cases differ", "value": 0.925}
    model = namespace.wait(MODEL, NAME, taken_back(new, "WebhookSaysFail"))
    (rejected,) = model["status"]["rejected"]
    assert "the webhook acceptance says Fail: 3 of 40 cases differ." in rejected["message"]
    document, headers = hook.asked[0]
    told = {"check": "acceptance", "namespace": namespace.name, "model": NAME, "stable": old, "candidate": new}
    assert told.items() <= document.items()
    assert (document["step"], document["steps"]) == (1, 2)
    assert "Authorization" not in headers
    asked = len(hook.asked)
    assert operator.metrics()['onnx_operator_measurements_total{kind="webhook",result="answered"}'] == asked >= 2


def test_a_host_that_the_settings_do_not_name_is_never_asked(
    start_operator: StartOperator, namespace: Namespace, hook: HookServer
) -> None:
    start_operator("--webhook-hosts", "hooks.example").wait_leading()
    serve(namespace, 1)
    ask(namespace, 2, rollout=canary(*STEPS, analysis=webhooks(hook)))
    remedy = f"{hook.address} may not be asked: add it to analysis.webhookHosts of the operator's chart."
    namespace.wait(MODEL, NAME, check("acceptance", lambda told: told.get("message") == remedy))
    assert hook.asked == []


def test_a_query_outside_of_its_limits_twice_takes_the_candidate_back(
    start_operator: StartOperator, namespace: Namespace, tmp_path: Path
) -> None:
    metrics = Scraped(lambda: b"clicks 0.7\n")
    query = {"name": "clicks", "query": 'sum(clicks) + 0 * count({job="test"})', "max": "0.5"}
    with prometheus(tmp_path, metrics) as server:
        server.wait_for("clicks")
        start_operator("--prometheus-url", server.url).wait_leading()
        serve(namespace, 1)
        new = ask(namespace, 2, rollout=canary(*STEPS, analysis={"prometheus": [query]}))
        once = {"verdict": "Unknown", "value": "0.7 (at most 0.5)"}
        namespace.wait(MODEL, NAME, check("clicks", lambda told: once.items() <= told.items()))
        model = namespace.wait(MODEL, NAME, taken_back(new, "MetricOutOfRange"))
    (rejected,) = model["status"]["rejected"]
    assert "the query clicks is 0.7, for the second time in a row outside of at most 0.5." in rejected["message"]


HOOK = {"name": "a", "url": "https://hooks.example"}
QUERY = {"name": "a", "query": "1", "max": "1"}


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        ({"prometheus": [{"name": "a", "query": "1"}]}, "a query needs min, max or both"),
        ({"prometheus": [{**QUERY, "min": "2"}]}, "a query's min must not be above its max"),
        ({"prometheus": [{**QUERY, "name": "errors"}]}, "the operator has a check of that name itself"),
        ({"webhooks": [{**HOOK, "name": "outputs"}]}, "the operator has a check of that name itself"),
        ({"prometheus": [QUERY], "webhooks": [HOOK]}, "a query and a webhook cannot have the same name"),
        ({"prometheus": [QUERY, QUERY]}, "a"),
        ({"webhooks": [{**HOOK, "url": "ftp://hooks.example"}]}, "url"),
    ],
)
def test_what_could_not_be_told_apart_or_judged_is_refused(namespace: Namespace, analysis: Object, why: str) -> None:
    with pytest.raises(RestError, match=why):
        namespace.model(NAME, model={"uri": uri(1)}, rollout={"analysis": analysis})
    namespace.model(
        NAME, model={"uri": uri(1)}, rollout={"analysis": {"prometheus": [QUERY], "webhooks": [{**HOOK, "name": "b"}]}}
    )
