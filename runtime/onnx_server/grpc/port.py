"""The gRPC port: a bound socket, the transport on it, and its polite end."""

import asyncio
import socket

from onnx_server.grpc.infer import InferMethods
from onnx_server.grpc.service import methods
from onnx_server.http2.frames import ErrorCode
from onnx_server.http2.limits import GrpcLimits
from onnx_server.http2.server import Server
from onnx_server.settings.grpc import LARGEST_MESSAGE
from onnx_server.settings.server import ServerSettings
from onnx_server.state import State

_BACKLOG = 2048
_TICK_SECONDS = 0.05


class GrpcPort:
    """Serves gRPC on `bound`, from `open` to the end of `drain`. `infer` answers inference in any other form, too."""

    def __init__(self, state: State, bound: socket.socket) -> None:
        self.infer = InferMethods(state)
        self.limits = limits(state.settings)
        self._server = Server(methods(state, self.infer), self.limits, leaving=lambda: state.traffic.hand_over)
        state.traffic.on_hand_over.append(self._server.leave)
        self._bound = bound
        self._listening: asyncio.Server | None = None
        self.port: int = bound.getsockname()[1]

    @property
    def connections(self) -> int:
        """Open connections, idle ones too."""
        return len(self._server.connections)

    async def open(self) -> None:
        """Take connections."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._server.protocol_factory, sock=self._bound, backlog=_BACKLOG)

    async def drain(self) -> None:
        """Ask all clients to leave, also those that come; return when none is left.

        Calls under way are answered; a stream ends after the answers to what has come. Slow and silent clients are
        held to the limits that they are always held to.
        """
        await self._server.drain()

    async def close(self) -> None:
        """Take no more connections, and end those without a call; return when none is left, or `drain` was not called.

        A client that does not heed the polite end would hold the process else.
        """
        if self._listening is not None:
            self._listening.close()
        while self._server.draining and self._server.connections:
            for connection in list(self._server.connections):
                if not connection.calls and not connection.closed:
                    connection.fail(ErrorCode.NO_ERROR, "the server ends")
            await asyncio.sleep(_TICK_SECONDS)


def limits(settings: ServerSettings) -> GrpcLimits:
    """Return what one client may use."""
    grpc = settings.grpc
    message = grpc.max_message_bytes or min(settings.max_body_bytes, LARGEST_MESSAGE)
    return GrpcLimits(
        max_message_bytes=message,
        max_buffered_bytes=max(GrpcLimits().max_buffered_bytes, 2 * message),
        max_streams=grpc.max_concurrent_streams,
        max_header_bytes=settings.max_header_bytes,
        max_connections=settings.max_connections,
        receive_seconds=settings.receive_timeout_seconds,
        max_age_seconds=grpc.max_connection_age_seconds,
    )
