"""What the log of requests says of forwarded ones: one line in the pod that was asked, one in the pod that answered."""

from pathlib import Path
from typing import Any

import httpx

from tests.contract.scripted_pod import scripted_pod
from tests.contract.split_pods import Pod, pod, wait_for
from tests.contract.test_server_split import BODY, INFER, scripted, version


def lines(of: Pod) -> list[dict[str, Any]]:
    return [entry for entry in of.server.entries() if entry["message"] == "request"]


def test_who_answered_is_in_the_log(tmp_path: Path) -> None:
    logging = "logging: {requests: All}\n"
    with pod("v1", tmp_path / "stable", logging) as stable, pod("v2", tmp_path / "candidate", logging) as candidate:
        stable.split(100, candidate.as_candidate())
        assert version(httpx.post(f"{stable.server.url}{INFER}", json=BODY)) == "v2"
        wait_for(lambda: lines(stable) and lines(candidate))
        (asked,), (answered,) = lines(stable), lines(candidate)
        assert (asked["version"], asked["forwardedTo"], asked["code"]) == ("v1", "digits-v2", "200")
        assert "rows" not in asked
        assert (answered["version"], answered["rows"], answered["code"]) == ("v2", 1, "200")
        assert "forwardedTo" not in answered
        with scripted_pod() as bad:
            bad.status = 500
            stable.split(100, scripted(bad))
            assert version(httpx.post(f"{stable.server.url}{INFER}", json=BODY)) == "v1"
            stable.split(0, scripted(bad), previewHeader="x-preview")
            assert httpx.post(f"{stable.server.url}{INFER}", json=BODY, headers={"x-preview": "1"}).status_code == 500
        wait_for(lambda: len(lines(stable)) == 3)
        _, fallback, preview = lines(stable)
        assert (fallback["code"], fallback["rows"], "forwardedTo" in fallback) == ("200", 1, False)
        assert (preview["code"], preview["forwardedTo"]) == ("500", "digits-v2")
        assert preview["error"] == "the candidate answered 500"
