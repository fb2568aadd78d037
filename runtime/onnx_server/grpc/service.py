"""The methods of GRPCInferenceService and of the health service, by their paths."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from onnx_server.grpc.health import HealthMethods
from onnx_server.grpc.infer import InferMethods, cancelled_with
from onnx_server.grpc.messages import message
from onnx_server.grpc.status import code_of
from onnx_server.http2.call import Call
from onnx_server.http2.request import Method
from onnx_server.http2.status import StatusCode
from onnx_server.models import documents
from onnx_server.models.index import index
from onnx_server.models.lifecycle import FORBIDDEN
from onnx_server.protocol import metadata, repository_request
from onnx_server.protocol.errors import RequestError, internal
from onnx_server.state import State

log = logging.getLogger(__name__)

_SERVICE = "/inference.GRPCInferenceService/"
_HEALTH = "/grpc.health.v1.Health/"
# What Triton has and this server has not: said by name, not as if the service were another.
_UNSUPPORTED = (
    "CudaSharedMemoryRegister",
    "CudaSharedMemoryStatus",
    "CudaSharedMemoryUnregister",
    "LogSettings",
    "SystemSharedMemoryRegister",
    "SystemSharedMemoryStatus",
    "SystemSharedMemoryUnregister",
    "TraceSetting",
)

Answers = Callable[[Any], Any | Awaitable[Any]]


def methods(state: State, infer: InferMethods) -> dict[str, Method]:
    """Return what serves each path of the gRPC port."""
    health, documents_ = HealthMethods(state), _Documents(state)
    served = {
        f"{_SERVICE}ModelInfer": Method(infer.infer),
        f"{_SERVICE}ModelStreamInfer": Method(infer.stream, streaming=True),
        f"{_HEALTH}Check": Method(_unary("grpc.health.v1.HealthCheckRequest", health.check)),
        f"{_HEALTH}Watch": Method(health.watch, streaming=True),
    }
    unary: dict[str, Answers] = {
        "ServerLive": documents_.server_live,
        "ServerReady": documents_.server_ready,
        "ServerMetadata": documents_.server_metadata,
        "ModelReady": documents_.model_ready,
        "ModelMetadata": documents_.model_metadata,
        "ModelConfig": documents_.model_config,
        "ModelStatistics": documents_.model_statistics,
        "RepositoryIndex": documents_.repository_index,
        "RepositoryModelLoad": documents_.repository_model_load,
        "RepositoryModelUnload": documents_.repository_model_unload,
    }
    served |= {
        f"{_SERVICE}{name}": Method(_unary(f"inference.{name}Request", answers)) for name, answers in unary.items()
    }
    return served | {f"{_SERVICE}{name}": Method(_unsupported(name)) for name in _UNSUPPORTED}


def _unary(request: str, answers: Answers) -> Callable[[Call, bytes], None]:
    """Return the handler of a method whose request message is called `request`; `answers` may be a coroutine."""
    cls = message(request)

    def handler(call: Call, data: bytes) -> None:
        try:
            answer = answers(cls.FromString(data))
        except DecodeError:
            call.fail(StatusCode.INVALID_ARGUMENT, f"the message is no {request}: protobuf cannot parse it")
        except Exception as error:  # noqa: BLE001  said to the client, and logged unless it is to blame
            _fail(call, error)
        else:
            if inspect.isawaitable(answer):
                cancelled_with(call, asyncio.ensure_future(_later(call, answer)))
            else:
                call.finish(answer.SerializeToString())

    return handler


async def _later(call: Call, answer: Awaitable[Any]) -> None:
    try:
        call.finish((await answer).SerializeToString())
    except Exception as error:  # noqa: BLE001  said to the client, and logged unless it is to blame
        _fail(call, error)


def _fail(call: Call, error: Exception) -> None:
    if not isinstance(error, RequestError):
        log.error("bug: a gRPC call failed unexpectedly", exc_info=error)
        error = internal()
    call.fail(code_of(error), error.message)


def _unsupported(name: str) -> Callable[[Call, bytes], None]:
    def handler(call: Call, _data: bytes) -> None:
        call.fail(StatusCode.UNIMPLEMENTED, f"{name} is not supported by this server")

    return handler


class _Documents:
    """Answers everything but inference, from the documents that REST has too."""

    def __init__(self, state: State) -> None:
        self._state = state

    def server_live(self, _request: Any) -> Any:
        return message("inference.ServerLiveResponse")(live=True)

    def server_ready(self, _request: Any) -> Any:
        return message("inference.ServerReadyResponse")(ready=self._state.ready)

    def server_metadata(self, _request: Any) -> Any:
        return _parsed("inference.ServerMetadataResponse", metadata.server())

    def model_ready(self, request: Any) -> Any:
        """Answer no, rather than with an error, for a model that is not there: as Triton does."""
        try:
            self._state.registry.find(request.name, request.version or None)
        except RequestError:
            ready = False
        else:
            ready = not self._state.draining
        return message("inference.ModelReadyResponse")(ready=ready)

    def model_metadata(self, request: Any) -> Any:
        registry = self._state.registry
        found = registry.find(request.name, request.version or None)
        return _parsed("inference.ModelMetadataResponse", documents.describe(registry, found))

    def model_config(self, request: Any) -> Any:
        found = self._state.registry.find(request.name, request.version or None)
        return _parsed("inference.ModelConfigResponse", {"config": documents.config(found)})

    def model_statistics(self, request: Any) -> Any:
        name, version = request.name or None, request.version or None
        found = documents.statistics_of(self._state.registry, name, version)
        return _parsed("inference.ModelStatisticsResponse", found)

    async def repository_index(self, request: Any) -> Any:
        entries = await index(self._state.lifecycle, self._state.registry, ready=request.ready)
        return _parsed("inference.RepositoryIndexResponse", {"models": entries})

    async def repository_model_load(self, request: Any) -> Any:
        self._check_controlled()
        repository_request.check_load_parameters(_values(request.parameters))
        await self._state.lifecycle.load(request.model_name)
        return message("inference.RepositoryModelLoadResponse")()

    async def repository_model_unload(self, request: Any) -> Any:
        self._check_controlled()
        repository_request.check_unload_parameters(_values(request.parameters))
        await self._state.lifecycle.unload(request.model_name)
        return message("inference.RepositoryModelUnloadResponse")()

    def _check_controlled(self) -> None:
        if not self._state.controlled:
            raise RequestError(403, FORBIDDEN)


def _parsed(name: str, document: dict[str, Any]) -> Any:
    """Return a document of REST as the message `name`; what the message has no field for is left out."""
    return json_format.ParseDict(document, message(name)(), ignore_unknown_fields=True)


def _values(parameters: Any) -> dict[str, Any]:
    return {
        name: getattr(value, value.WhichOneof("parameter_choice") or "", None) for name, value in parameters.items()
    }
