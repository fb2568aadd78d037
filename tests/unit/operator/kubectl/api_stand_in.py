"""A stand-in for an API server, as far as the plugin asks one: over HTTP, in a thread, with what tests put into it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Object = dict[str, Any]
MODELS = "/apis/onnx-operator.dev/v1alpha1/namespaces/team/onnxmodels"
REVISIONS = "/apis/apps/v1/namespaces/team/controllerrevisions"
PODS = "/api/v1/namespaces/team/pods"
SERVICES = "/api/v1/namespaces/team/services"


class Api:
    """``models``, ``revisions`` and ``pods`` are what there is; ``None`` for models: the CRD is not installed.

    ``refusals`` are HTTP statuses by "METHOD path". ``on_action`` is called with the model and the annotation's text.
    ``proxied`` are the answers of Services by path. ``seen`` lists the requests: method, path and query, body.
    """

    def __init__(self) -> None:
        self.models: dict[str, Object] | None = {}
        self.revisions: list[Object] = []
        self.pods: list[Object] = []
        self.refusals: dict[str, int] = {}
        self.proxied: dict[str, tuple[int, Any]] = {}
        self.on_action: Callable[[Object, str], None] = lambda model, text: None
        self.on_look: Callable[[Object], None] = lambda model: None
        self.seen: list[tuple[str, str, Any]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = json.loads(body) if body else None
        self.seen.append((request.method, request.path_qs, sent))
        if status := self.refusals.get(f"{request.method} {request.path}"):
            return _status(status, f"no {request.method} for you")
        if request.path.startswith(SERVICES):
            status, said = self.proxied.get(request.path.removeprefix(f"{SERVICES}/"), (404, {"kind": "Status"}))
            return web.json_response(said, status=status)
        if request.path.startswith(MODELS) and self.models is None:
            return _status(404, "the server could not find the requested resource")
        if request.path.startswith(f"{MODELS}/") and self.models is not None:
            return self._model(request, request.path.removeprefix(f"{MODELS}/"), sent)
        if request.path.startswith(f"{REVISIONS}/"):
            name = request.path.removeprefix(f"{REVISIONS}/")
            found = [revision for revision in self.revisions if revision["metadata"]["name"] == name]
            return web.json_response(found[0]) if found else _status(404, "not found")
        lists = {MODELS: list((self.models or {}).values()), REVISIONS: self.revisions, PODS: self.pods}
        if request.path in lists:
            return web.json_response({"items": lists[request.path], "metadata": {"resourceVersion": "7"}})
        return _status(404, "not found")

    def _model(self, request: web.Request, name: str, sent: Any) -> web.Response:
        model = (self.models or {}).get(name)
        if model is None:
            return _status(404, f'onnxmodels.onnx-operator.dev "{name}" not found')
        if request.method == "PATCH":
            annotations = sent["metadata"]["annotations"]
            model["metadata"].setdefault("annotations", {}).update(annotations)
            self.on_action(model, annotations["onnx-operator.dev/action"])
        else:
            self.on_look(model)
        return web.json_response(model)


def answering(result: str, message: str) -> Callable[[Object, str], None]:
    """Return an operator that answers each action at once."""

    def answer(model: Object, text: str) -> None:
        action, rest = text.split("@")
        revision, nonce = rest.split("#")
        last = {"action": action, "revision": revision, "nonce": nonce, "result": result, "message": message}
        model["status"]["lastAction"] = last

    return answer


@contextmanager
def serving(api: Api, folder: Path) -> Iterator[Path]:
    """Serve, and yield the path of a kubeconfig whose context leads there, to the namespace team."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", api.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.port = runner.addresses[0][1]
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield _kubeconfig(folder, api.port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _kubeconfig(folder: Path, port: int) -> Path:
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "of-the-team", "context": {"cluster": "here", "user": "me", "namespace": "team"}},
            {"name": "plain", "context": {"cluster": "here", "user": "me"}},
        ],
        "current-context": "of-the-team",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
