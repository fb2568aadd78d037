"""`/v1/split`: who may push, what is refused and by which words, and what the answer says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import serving
from tests.contract.split_pods import Pod, pod
from tests.contract.test_server_control import KEY, POD_UID, jwks, token

CANDIDATE = {"podUid": "candidate", "address": "127.0.0.1", "port": 1}
FULL: dict[str, Any] = {
    "generation": 12,
    "revision": "digits-v2",
    "weight": 25,
    "candidates": [CANDIDATE],
    "stickyBy": {"header": "x-user"},
    "previewHeader": "x-preview",
    "handOver": False,
    "course": "2026-11-28T21:00:00.000000Z",
    "shadow": {
        "percent": 100,
        "maxInFlight": 2,
        "maxBytes": 67108864,
        "relativeTolerance": 0.005,
        "absoluteTolerance": 0,
        "keepInputs": False,
        "replay": False,
    },
}
SHADOW: dict[str, Any] = FULL["shadow"]
LEAST: dict[str, Any] = {"generation": 1, "revision": None, "weight": 0, "candidates": []}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with pod("v1", tmp_path_factory.mktemp("split") / "pod") as shared:
        yield shared


def stated(of: Pod) -> Any:
    """Return the state, but for the memory, which is never the same twice."""
    state = of.state()
    state.pop("memory", None)
    return state


def push(to: Pod, body: Any) -> httpx.Response:
    return to.control.put("/v1/split", json=body)


def test_the_states(tmp_path: Path) -> None:
    with pod("v1", tmp_path / "pod") as fresh:
        before = fresh.state()
        boot_id = before.pop("bootId")
        before.pop("memory", None)
        nothing = {"requests": 0, "errors": 0}
        no_failures = dict.fromkeys(("refused", "reset", "serverError", "clientError", "late", "overloaded"), 0)
        assert len(boot_id) == 36
        assert before == {
            "podUid": POD_UID,
            "generation": 0,
            "revision": None,
            "weight": 0,
            "appliedWeight": 0,
            "handOver": False,
            "candidates": [],
            "breaker": {"open": False, "reason": ""},
            "openConnections": 0,
            "arms": {"stable": nothing, "candidate": nothing | {"answered": 0, "failures": no_failures}},
            "preview": {"requests": 0},
            "shadow": {
                "percent": 0,
                "sampled": 0,
                "underWay": 0,
                "compared": 0,
                "failed": 0,
                "replayed": 0,
                "dropped": {"inFlight": 0, "bytes": 0, "overloaded": 0, "unreachable": 0, "interrupted": 0},
            },
            "evidence": {
                "course": "",
                "stable": nothing,
                "candidate": nothing | {"late": 0},
                "compute": {},
                "work": {},
                "outputs": [],
                "worst": [],
            },
        }
        answer = push(fresh, FULL)
        assert answer.status_code == 200
        state = answer.json()
        state.pop("memory", None)
        assert state == stated(fresh)
        assert state == before | {
            "bootId": boot_id,
            "generation": 12,
            "revision": "digits-v2",
            "weight": 25,
            "appliedWeight": 25,
            "candidates": [CANDIDATE | {"inFlight": 0, "reachable": True}],
            "shadow": before["shadow"] | {"percent": 100},
            "evidence": before["evidence"] | {"course": FULL["course"]},
        }
        stale = push(fresh, FULL | {"generation": 11, "weight": 1})
        assert stale.status_code == 409
        refusal = stale.json()
        refusal.pop("memory", None)
        assert refusal == state | {"error": "generation: 11 is lower than 12, which applies"}
        assert stated(fresh) == state
        with httpx.Client() as client:
            client.get(f"{fresh.server.url}/v2/health/live")
            assert fresh.state()["openConnections"] == 1


def test_what_may_be_left_out(shared: Pod) -> None:
    generation = shared.state()["generation"]
    assert push(shared, LEAST | {"generation": generation + 1}).status_code == 200
    without_port = {"podUid": "candidate", "address": "fd00::1"}
    pushed = FULL | {"generation": generation + 2, "candidates": [without_port], "weight": 0}
    answer = push(shared, {name: pushed[name] for name in ("generation", "revision", "weight", "candidates")})
    assert answer.json()["candidates"] == [without_port | {"port": 8000, "inFlight": 0, "reachable": True}]
    answer = push(shared, FULL | {"generation": generation + 3, "candidates": []})
    assert (answer.status_code, answer.json()["weight"], answer.json()["appliedWeight"]) == (200, 25, 0)
    answer = push(shared, FULL | {"generation": generation + 4, "shadow": {"percent": 7}})
    assert answer.json()["shadow"]["percent"] == 7
    answer = push(shared, FULL | {"generation": generation + 5, "shadow": None})
    assert answer.json()["shadow"]["percent"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"more": 1}, "more"),
        ({"generation": 0}, "generation"),
        ({"generation": "12"}, "generation"),
        ({"generation": None}, "generation"),
        ({"revision": ""}, "revision"),
        ({"revision": 1}, "revision"),
        ({"revision": None}, "revision"),
        ({"revision": None, "weight": 0}, "revision"),
        ({"weight": 101}, "weight"),
        ({"weight": -1}, "weight"),
        ({"weight": 2.5}, "weight"),
        ({"weight": True}, "weight"),
        ({"candidates": None}, "candidates"),
        ({"candidates": [CANDIDATE, CANDIDATE]}, "candidates"),
        ({"candidates": [CANDIDATE | {"port": 0}]}, "candidates.0.port"),
        ({"candidates": [CANDIDATE | {"address": "localhost"}]}, "candidates.0.address"),
        ({"candidates": [CANDIDATE | {"address": "127.0.0.1\r\nx: y"}]}, "candidates.0.address"),
        ({"candidates": [CANDIDATE | {"podUid": ""}]}, "candidates.0.podUid"),
        ({"candidates": [CANDIDATE | {"weight": 1}]}, "candidates.0.weight"),
        ({"candidates": [{"podUid": "one"}]}, "candidates.0.address"),
        ({"stickyBy": "x-user"}, "stickyBy"),
        ({"stickyBy": {"header": "x user"}}, "stickyBy.header"),
        ({"stickyBy": {"cookie": "user"}}, "stickyBy.header"),
        ({"previewHeader": "x:preview"}, "previewHeader"),
        ({"previewHeader": ""}, "previewHeader"),
        ({"handOver": "yes"}, "handOver"),
        ({"course": None}, "course"),
        ({"course": "x" * 65}, "course"),
        ({"shadow": 20}, "shadow"),
        ({"shadow": {}}, "shadow.percent"),
        ({"shadow": SHADOW | {"percent": 0}}, "shadow.percent"),
        ({"shadow": SHADOW | {"percent": 101}}, "shadow.percent"),
        ({"shadow": SHADOW | {"percent": "20"}}, "shadow.percent"),
        ({"shadow": SHADOW | {"maxInFlight": 0}}, "shadow.maxInFlight"),
        ({"shadow": SHADOW | {"maxInFlight": 65}}, "shadow.maxInFlight"),
        ({"shadow": SHADOW | {"maxBytes": 1023}}, "shadow.maxBytes"),
        ({"shadow": SHADOW | {"maxBytes": 2**30 + 1}}, "shadow.maxBytes"),
        ({"shadow": SHADOW | {"relativeTolerance": -0.1}}, "shadow.relativeTolerance"),
        ({"shadow": SHADOW | {"absoluteTolerance": "0"}}, "shadow.absoluteTolerance"),
        ({"shadow": SHADOW | {"keepInputs": 1}}, "shadow.keepInputs"),
        ({"shadow": SHADOW | {"replay": "yes"}}, "shadow.replay"),
        ({"shadow": SHADOW | {"minSamples": 1}}, "shadow.minSamples"),
        ({"revision": None, "weight": 0, "candidates": []}, "shadow"),
        *[({missing: ...}, missing) for missing in LEAST],
    ],
)
def test_what_is_not_right_is_refused_by_name(shared: Pod, change: dict[str, Any], field: str) -> None:
    before = stated(shared)
    body = {name: value for name, value in (FULL | {"generation": 10_000} | change).items() if value is not ...}
    answer = push(shared, body)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["error"]
    assert stated(shared) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_what_is_no_document_is_refused(shared: Pod, body: bytes) -> None:
    answer = shared.control.put("/v1/split", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_nobody_else_may_ask(shared: Pod) -> None:
    url = shared.server.facts_url.removesuffix("facts") + "split"
    for bearer in (token(aud="another"), token(kid="b"), "nonsense"):
        headers = {"Authorization": f"Bearer {bearer}"}
        assert httpx.put(url, json=FULL, headers=headers).status_code == 401
        assert httpx.get(url, headers=headers).status_code == 401
    assert httpx.put(url, json=FULL).status_code == 401


def test_a_repository_is_not_split(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    onnx_models.shift(tmp_path / "models" / "one" / "1" / "model.onnx", 1)
    with serving(tmp_path / "models", "--live", live, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        url = server.facts_url.removesuffix("facts") + "split"
        headers = {"Authorization": f"Bearer {token()}"}
        answer = httpx.put(url, json=FULL, headers=headers)
        assert answer.status_code == 400
        assert "revision" in answer.json()["error"]
        assert httpx.put(url, json=LEAST, headers=headers).status_code == 200
