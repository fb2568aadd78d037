"""The stand-in for the control port says what docs/contract.md has, of the pod that is at the address right now."""

import asyncio
import hashlib
import json
import re
from ipaddress import IPv4Network
from typing import Any

from tests.cluster.control_port import Pods, facts
from tests.cluster.kwok import SIGNATURE, STAGES
from tests.cluster.paths import TREE
from tests.cluster.rest import Object

NETWORK = IPv4Network("127.99.0.0/16")
CONTRACT = (TREE / "docs/contract.md").read_text()


def pod(uid: str, address: str = "127.99.0.1", **annotations: str) -> Object:
    digest = f"sha256:{hashlib.sha256(b'model').hexdigest()}"
    fetched = {"name": "fetch", "state": {"terminated": {"exitCode": 0, "message": json.dumps({"digest": digest})}}}
    labels = {"onnx-operator.dev/model": "digits", "onnx-operator.dev/revision": "digits-bcdfghjklm"}
    return {
        "metadata": {"uid": uid, "labels": labels, "annotations": annotations},
        "status": {
            "podIP": address,
            "initContainerStatuses": [fetched],
            "containerStatuses": [{"name": "server", "ready": True, "restartCount": 0}],
        },
    }


def shape(value: Any) -> Any:
    """Return which fields there are, of which types; the content of lists and of free-form maps does not count."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items() if name not in {"nodes", "assignments", "options"}}
    return type(value).__name__


def test_facts_have_the_contracts_fields() -> None:
    example = re.search(r'```json\n(\{"model".*?)```', CONTRACT, re.DOTALL)
    assert example is not None
    assert shape(facts(pod("one"))) == shape(json.loads(example[1]))


def test_facts_are_the_pods() -> None:
    signature: Object = {"inputs": [], "outputs": []}
    found = facts(pod("one", **{SIGNATURE: json.dumps(signature)}))

    assert found["model"] == {
        "name": "digits",
        "version": "bcdfghjklm",
        "digest": f"sha256:{hashlib.sha256(b'model').hexdigest()}",
    }
    assert (found["signature"], found["podUid"]) == (signature, "one")
    assert found["bootId"] == facts(pod("one"))["bootId"] != facts(pod("two"))["bootId"]


def test_every_failure_of_the_contract_can_be_played() -> None:
    reasons = set(re.findall(r"^\| `(\w+)` \| (?:fetch|serve|both) ", CONTRACT, re.MULTILINE))
    assert len(reasons) >= 15
    stage = (STAGES / "pod.yaml").read_text()
    assert reasons <= set(re.findall(r'"(\w+)"', stage))


def test_an_address_belongs_to_the_pod_that_has_it_now() -> None:
    async def histories() -> None:
        pods = Pods()
        await pods.see("ADDED", pod("old"), NETWORK)
        await pods.see("MODIFIED", pod("new"), NETWORK)
        await pods.see("DELETED", pod("old"), NETWORK)
        found = await pods.at("127.99.0.1", "new")
        assert found is not None
        assert found["metadata"]["uid"] == "new"
        pods.forget_all_but(set())
        assert await pods.at("127.99.0.1", "new") is None

    asyncio.run(histories())


def test_who_knows_of_a_pod_before_the_watch_does_waits_for_it() -> None:
    async def history() -> None:
        pods = Pods()
        asked = asyncio.create_task(pods.at("127.99.0.7", "late"))
        await asyncio.sleep(0.01)
        await pods.see("ADDED", pod("late", "127.99.0.7"), NETWORK)
        assert await asked is not None
        assert pods.highest == 7

    asyncio.run(history())
