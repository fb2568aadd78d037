"""What the plugin asks of the API server, as plain dicts, and every refusal as a problem with its remedy."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from onnx_operator import names
from onnx_operator.kube.client import ApiServer
from onnx_operator.kube.connection import Answer, Connection
from onnx_operator.kube.errors import KubeError, RefusedError, error_of
from onnx_operator.kube.kinds import CONTROLLER_REVISION, MODEL, POD, SERVICE, Kind
from onnx_operator.kube.protocol import list_all
from onnx_operator.kubectl.problems import no_such_model, no_such_revision, not_installed, problem_of

Object = dict[str, Any]

# Not "kubectl-...": Flux takes what such managers own for drift, and takes it back at its next run.
# https://github.com/fluxcd/pkg/blob/main/ssa/patch.go
FIELD_MANAGER = "onnx-operator-cli"


@dataclass(frozen=True)
class Cluster:
    """A cluster seen from one namespace. Everything raises ProblemError."""

    connection: Connection
    host: str
    namespace: str

    async def model(self, name: str) -> Object:
        """Return an ONNXModel."""
        kube = ApiServer(self.connection)
        with self._problems():
            if found := await kube.get(MODEL, self.namespace, name):
                return found
            try:
                others = await list_all(kube, MODEL, self.namespace)
            except RefusedError as error:
                if error.status == 404:
                    raise not_installed(self.host) from error
                raise
        raise no_such_model(self.namespace, name, [other["metadata"]["name"] for other in others.items])

    async def revisions(self, model: str) -> list[Object]:
        """Return a model's ControllerRevisions, the newest first."""
        found = await self._all(CONTROLLER_REVISION, names.model_selector(model))
        return sorted(found, key=lambda revision: int(revision["revision"]), reverse=True)

    async def revision(self, name: str) -> Object:
        """Return one ControllerRevision of ours."""
        with self._problems():
            found = await ApiServer(self.connection).get(CONTROLLER_REVISION, self.namespace, name)
        if found and found["metadata"].get("labels", {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY:
            return found
        there = await self._all(CONTROLLER_REVISION, names.MANAGED_SELECTOR)
        raise no_such_revision(name, sorted(revision["metadata"]["name"] for revision in there))

    async def pods(self, model: str) -> list[Object] | None:
        """Return a model's pods; None to whom may not see pods: the rest is worth to be seen without them."""
        try:
            found = await list_all(ApiServer(self.connection), POD, self.namespace, names.model_selector(model))
        except KubeError as error:
            if error.status == 403:
                return None
            raise problem_of(error, self.host) from error
        return list(found.items)

    async def annotate(self, model: str, annotation: str, value: str) -> None:
        """Set one annotation of an ONNXModel, and touch nothing else."""
        body = json.dumps({"metadata": {"annotations": {annotation: value}}}).encode()
        path = MODEL.path(self.namespace, model)
        query = [("fieldManager", FIELD_MANAGER)]
        with self._problems():
            answer = await self._send("PATCH", path, query, body, "application/merge-patch+json")
            if answer.status != 200:
                raise error_of(answer.status, _said(answer))

    async def through_service(self, service: str, path: str, body: bytes | None = None) -> Answer:
        """Send a GET, or a POST of JSON, to a Service's HTTP port by way of the API server; return what came back."""
        target = SERVICE.path(self.namespace, f"{quote(service)}:http", "proxy")
        with self._problems():
            return await self._send("GET" if body is None else "POST", f"{target}/{path}", [], body, "application/json")

    async def _all(self, kind: Kind, selector: str) -> list[Object]:
        with self._problems():
            return list((await list_all(ApiServer(self.connection), kind, self.namespace, selector)).items)

    async def _send(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes | None, content_type: str
    ) -> Answer:
        try:
            return await self.connection.request(method, path, query, body, content_type)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeError(0, f"{method} {path}: {error or type(error).__name__}") from error

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except KubeError as error:
            raise problem_of(error, self.host) from error


def _said(answer: Answer) -> Object:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {"message": answer.body.decode(errors="replace")[:500]}
    return said if isinstance(said, dict) else {"message": str(said)}
