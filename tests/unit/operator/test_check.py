import asyncio

import pytest
from aiohttp import web

from onnx_operator.metrics import Metrics
from onnx_operator.wiring import endpoints
from onnx_operator.wiring.check import not_one_leader, too_few_ready
from onnx_operator.wiring.replicas import Replica, UnreachableError, ask, leads


def replica(number: int, ready: bool = True, leads: bool = False) -> Replica:
    return Replica(f"10.0.0.{number}", ready, leads)


@pytest.mark.parametrize(
    ("replicas", "problem"),
    [
        ([replica(1), replica(2)], None),
        ([replica(1), replica(2, ready=False)], "1 of 2 that answer are ready, and there should be 2"),
        ([replica(1)], "1 of 1 that answer are ready, and there should be 2"),
        ([replica(1), replica(2), replica(3)], "3 of 3 that answer are ready, and there should be 2"),
    ],
)
def test_exactly_so_many_replicas_have_to_be_ready(replicas: list[Replica], problem: str | None) -> None:
    found = too_few_ready(replicas, 2)
    assert (found.what if found else None) == problem
    assert found is None or found.remedy


@pytest.mark.parametrize(
    ("leading", "problem"), [([True, False], None), ([False, False], "0 of 2 do"), ([True, True], "2 of 2 do")]
)
def test_exactly_one_replica_has_to_lead(leading: list[bool], problem: str | None) -> None:
    found = not_one_leader([replica(number, leads=leads) for number, leads in enumerate(leading)])
    assert (found.what if found else None) == problem


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_who_leads_is_read_from_the_metrics_that_the_operator_serves(value: float) -> None:
    metrics = Metrics()
    metrics.gauge("leader", "1 if this replica holds the lease, else 0.", lambda: value)
    assert leads(metrics.text().decode()) is (value == 1)
    assert leads(Metrics().text().decode()) is False


def test_each_address_of_the_name_is_asked() -> None:
    async def main() -> None:
        metrics = Metrics()
        metrics.gauge("leader", "1 if this replica holds the lease, else 0.", lambda: 1.0)
        served = await endpoints.serve(0, endpoints.health_routes(lambda: True, lambda: True, metrics))
        await web.TCPSite(served, "127.0.0.1", 0).start()
        port = served.addresses[0][1]
        assert await ask(f"http://127.0.0.1:{port}", 5.0) == [Replica("127.0.0.1", ready=True, leads=True)]
        await served.cleanup()
        with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} does not answer"):
            await ask(f"http://127.0.0.1:{port}", 5.0)

    asyncio.run(main())


def test_a_name_without_an_address_is_named() -> None:
    with pytest.raises(UnreachableError, match=r"the name nobody\.invalid has no address"):
        asyncio.run(ask("http://nobody.invalid:8080", 5.0))
