"""Stands in for the control port of pods that KWOK plays: `/v1/facts` and `/v1/split` at every pod's address.

Runs as a program, `python -m tests.cluster.control_port KUBECONFIG NETWORK`. It says what the pod's labels, statuses
and annotations say, in the words of docs/contract.md. A token's audience is checked, its signature is not. What no
server has, and tests want, is `GET /v1/split/orders?namespace=NAME`: the orders that its pods have taken, with times.
"""

import asyncio
import contextlib
import json
import re
import resource
import sys
import uuid
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

import aiohttp
import jwt
from aiohttp import web

from . import access
from .kwok import PLAY, SIGNATURE
from .split_stand_in import SEES, SPLIT, Split

PORT: Final = 9000
BLOCK: Final = 512
"""Addresses that are listened at ahead of the pods: KWOK gives them out in order."""

GROUP: Final = "onnx-operator.dev"
DEFAULT_SIGNATURE: Final = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}],
}

Object = dict[str, Any]


class Pods:
    """The pods by their addresses, as a watch tells them."""

    def __init__(self) -> None:
        self._by_address: dict[str, Object] = {}
        self._changed = asyncio.Condition()
        # What pods were told outlives them: tests look at it when all is over.
        self._splits: dict[str, Split] = {}
        self._homes: dict[str, tuple[str, str]] = {}
        self.highest = 0

    async def see(self, event: str, pod: Object, network: IPv4Network) -> None:
        """Take in a watch event."""
        address = pod.get("status", {}).get("podIP")
        if not address:
            return
        async with self._changed:
            known = self._by_address.get(address)
            if event != "DELETED":
                self._by_address[address] = pod
                self.highest = max(self.highest, _index(address, network))
            elif known and known["metadata"]["uid"] == pod["metadata"]["uid"]:
                del self._by_address[address]
            self._changed.notify_all()

    def split(self, pod: Object) -> Split:
        """Return the split of a pod's server; a server that starts again has none."""
        uid, boot_id = pod["metadata"]["uid"], boot_id_of(pod)
        known = self._splits.get(uid)
        if known is None or known.boot_id != boot_id:
            known = self._splits[uid] = Split(uid, boot_id)
            self._homes[uid] = pod["metadata"]["namespace"], pod["metadata"]["labels"][f"{GROUP}/revision"]
        return known

    def orders(self, namespace: str) -> list[Object]:
        """Return what pods of a namespace were told, those that are gone included."""
        return [
            {"podUid": uid, "revision": revision, "orders": split.orders, "failedAt": split.failed_at}
            for uid, split in self._splits.items()
            for home, revision in [self._homes[uid]]
            if home == namespace
        ]

    def forget_all_but(self, uids: set[str]) -> None:
        """Forget the pods that a full list does not have any more."""
        self._by_address = {address: pod for address, pod in self._by_address.items() if pod["metadata"]["uid"] in uids}

    async def reach(self, number: int) -> None:
        """Wait until a pod has the network's address of this number, or a later one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.highest >= number)

    async def at(self, address: str, uid: str) -> Object | None:
        """Return the pod at an address; who asks may know of pod `uid` there before our own watch does."""

        def arrived() -> bool:
            return address in self._by_address and self._by_address[address]["metadata"]["uid"] == uid

        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(arrived), 0.5)
        return self._by_address.get(address)


def boot_id_of(pod: Object) -> str:
    """Return what tells this start of the pod's server from others."""
    servers = [status for status in pod["status"].get("containerStatuses", []) if status["name"] == "server"]
    restarts = servers[0].get("restartCount", 0) if servers else 0
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{pod['metadata']['uid']}/{restarts}"))


def facts(pod: Object) -> Object:
    """Return what the server of this pod would say of itself."""
    metadata = pod["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    model, revision = labels.get(f"{GROUP}/model", ""), labels.get(f"{GROUP}/revision", "")
    statuses = [*pod["status"].get("initContainerStatuses", []), *pod["status"].get("containerStatuses", [])]
    by_name = {status["name"]: status for status in statuses}
    fetched = by_name.get("fetch", {}).get("state", {}).get("terminated", {}).get("message")
    server = by_name.get("server", {})
    return {
        "model": {
            "name": model,
            "version": revision.removeprefix(f"{model}-"),
            "digest": json.loads(fetched)["digest"] if fetched else None,
        },
        "ready": bool(server.get("ready")),
        "bootId": boot_id_of(pod),
        "podUid": metadata["uid"],
        "signature": json.loads(annotations.get(SIGNATURE, "null")) or DEFAULT_SIGNATURE,
        "executionProviders": {
            "asked": ["CPU"],
            "active": ["CPU"],
            "nodes": {"CPU": 17},
            "assignments": {"CPU": {"Gemm": 9, "Relu": 8}},
            "options": {},
            "graphOptimization": "All",
        },
        "warmUp": {"source": "Declared", "seconds": 0.01, "message": ""},
        "threads": {"intraOp": 1, "interOp": 1},
        "golden": golden(annotations.get(SEES)),
        "versions": {"server": "0.0.0+kwok", "onnxruntime": "0.0.0+kwok"},
    }


def golden(sees: str | None) -> Object:
    """Return what came of the model's own test data: there is none, or none of it is given."""
    if sees != "Golden":
        return {"sets": 0, "passed": 0, "failures": [], "message": ""}
    failed = {"set": "test_data_set_0", "message": "output y: 3 elements differ"}
    return {"sets": 1, "passed": 0, "failures": [failed], "message": ""}


def application(pods: Pods) -> web.Application:
    """Return the stand-in; which pod is asked is known by the address that was called."""

    async def asked(request: web.Request) -> Object | web.Response:
        """Return the pod that is asked; or what there is to say instead."""
        audience = _audience(request.headers.get("Authorization", ""))
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        pod = await pods.at(address, audience)
        if pod is None or pod["metadata"].get("annotations", {}).get(PLAY) == "Mute":
            request.transport.abort()
            return web.Response()
        if audience != pod["metadata"]["uid"]:
            return web.json_response({"error": "the token is not for this pod"}, status=401)
        return pod

    async def tell_facts(request: web.Request) -> web.Response:
        pod = await asked(request)
        return pod if isinstance(pod, web.Response) else web.json_response(facts(pod))

    async def split(request: web.Request) -> web.Response:
        pod = await asked(request)
        if isinstance(pod, web.Response):
            return pod
        annotations = pod["metadata"].get("annotations", {})
        match annotations.get(SPLIT):
            case "Mute":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "Slow":
                await asyncio.sleep(5)
        known = pods.split(pod)
        if request.method == "GET":
            return web.json_response(known.document(annotations))
        status, body = known.take(await request.json(), annotations)
        return web.json_response(body, status=status)

    async def orders(request: web.Request) -> web.Response:
        return web.json_response(pods.orders(request.query.get("namespace", "")))

    async def healthy(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/v1/facts", tell_facts)
    app.router.add_get("/v1/split", split)
    app.router.add_put("/v1/split", split)
    app.router.add_get("/v1/split/orders", orders)
    app.router.add_get("/healthz", healthy)
    return app


def _audience(authorization: str) -> str:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    return str(claims.get("aud", ""))


def _index(address: str, network: IPv4Network) -> int:
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\.(\d+)", address)
    if found is None:
        return 0
    number = int.from_bytes(bytes(int(part) for part in found.groups()), "big")
    return number - int(network.network_address)


async def listen(app: web.Application, pods: Pods, network: IPv4Network) -> None:
    """Listen at the pods' addresses, always some ahead of those given out; a pod is asked as soon as it has one."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    bound = 1  # the first address is the claim on the network
    while True:
        hosts = [str(network[number]) for number in range(bound, bound + BLOCK)]
        await loop.create_server(runner.server, hosts, PORT)
        bound += BLOCK
        await pods.reach(bound - BLOCK)


async def watch(pods: Pods, kubeconfig: Object, network: IPv4Network) -> None:
    """Keep `pods` true, whatever happens to the API server."""
    server = access.of(kubeconfig)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 24) as session:
        while True:
            try:
                async with session.get(f"{server.url}/api/v1/pods", ssl=server.context) as answer:
                    listed = await answer.json()
                pods.forget_all_but({pod["metadata"]["uid"] for pod in listed["items"]})
                for pod in listed["items"]:
                    await pods.see("ADDED", pod, network)
                query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
                async with session.get(f"{server.url}/api/v1/pods", params=query, ssl=server.context) as events:
                    async for line in events.content:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            break
                        await pods.see(event["type"], event["object"], network)
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                print(f"watching again: {error!r}", flush=True)
                await asyncio.sleep(0.2)


async def main(kubeconfig: Object, network: IPv4Network) -> None:
    """Serve until killed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a listening socket an address
    pods = Pods()
    await asyncio.gather(listen(application(pods), pods, network), watch(pods, kubeconfig, network))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), IPv4Network(sys.argv[2])))
