"""Requests are counted by what they are: writes, reads, watches, the Lease's; those of others are not."""

from benchmarks.operator.requests import ACCOUNT, count, is_work
from tests.cluster.rest import Object


def event(verb: str, resource: str, code: int = 200, *, stage: str = "ResponseComplete", user: str = ACCOUNT) -> Object:
    name, _, below = resource.partition("/")
    reference = {"resource": name, "subresource": below} if below else {"resource": name}
    return {
        "verb": verb,
        "stage": stage,
        "user": {"username": user},
        "requestURI": f"/{resource}",
        "objectRef": reference,
        "responseStatus": {"code": code},
    }


def test_each_request_counts_once() -> None:
    found = count(
        [
            event("patch", "services"),
            event("patch", "onnxmodels/status", 409),
            event("get", "services", 404),
            event("list", "pods"),
            event("update", "leases"),
            event("watch", "pods", stage="ResponseStarted"),
            event("watch", "pods"),
            event("patch", "services", stage="ResponseStarted"),
            event("patch", "services", user="somebody"),
        ]
    )
    assert found.as_json() == {
        "writes": 2,
        "reads": 2,
        "leases": 1,
        "watches": 1,
        "failed": {"patch onnxmodels/status 409": 1},
        "byKind": {"patch services": 1, "patch onnxmodels/status": 1, "get services": 1, "list pods": 1},
    }
    assert found.total == 4


def test_watches_and_the_lease_are_no_work() -> None:
    assert is_work(event("list", "pods"))
    assert is_work(event("patch", "services"))
    assert not is_work(event("watch", "pods"))
    assert not is_work(event("update", "leases"))
    assert not is_work(event("patch", "services", user="somebody"))
