"""The quick way for inference: answered in the parser's callbacks, with no ASGI in between.

A request takes it when nothing else is under way on its connection and nothing about it is unusual; everything else
goes on to uvicorn and the ASGI app unchanged, which answers the same (tests/contract run with both). The parser is the
same. What is saved is a task, the scope, events and messages: about half of a tiny model's request.
"""

import re
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from onnx_server.http.connection import JSON_HEADER, LimitedConnection, Limits, error_body, head
from onnx_server.http.exchange import Exchange
from onnx_server.http.in_place import InPlace
from onnx_server.http.infer import LENGTH_HEADER, parse_path
from onnx_server.http.split_exchange import ArrivedExchange, ObservedExchange, SplitExchange
from onnx_server.models.loaded import Loaded
from onnx_server.protocol import response
from onnx_server.protocol.errors import RequestError
from onnx_server.state import Phase, State
from onnx_server.traffic import message
from onnx_server.traffic.arms import STABLE, Arm
from onnx_server.traffic.rules import Rules

# A request with one of these is unusual: compressed, traced, asking first, or of a length that is not told.
_UNUSUAL = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"content-encoding",
        b"expect",
        b"traceparent",
        b"transfer-encoding",
        b"upgrade",
    }
)
_USUAL_VALUES = frozenset({b"identity", b"keep-alive", b"Keep-Alive", b"*"})
_TARGETS_LIMIT = 1024
# A member is looked up in its class for longer than all that is asked with it here takes.
_CLOSING = Phase.CLOSING
# A head that comes again and again is kept up to here.
_LONGEST_HEAD = 4096
# From here on it pays to change how the rest of a body is received.
_LARGE_BYTES = 64 * 1024
# Up to here copying parts together costs less than another write to the socket.
_JOIN_BYTES = 64 * 1024


class QuickConnection(LimitedConnection):
    """A connection that answers usual inference requests itself."""

    state: ClassVar[State]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._exchange: Exchange | None = None
        self._taking = False
        self._body: bytes | list[bytes] = b""
        self._known_headers: list[tuple[bytes, bytes]] | None = None
        self._known_url = b""
        self._target: tuple[str, str | None] | None = None
        self._header_length: int | None = None
        self._kind: type[Exchange] = Exchange
        self._forwarded_head: bytes | None = None
        self._rules: Rules | None = None
        self._ruled: Arm | None = None
        self._body_length = 0
        # The head of the last request, if that came in one piece and alone and was usual, and the bytes of both.
        self._repeated = b""
        self._repeated_length = -1
        # How many requests have begun, and which of them was the last that was taken.
        self._begun = self._taken = 0

    def data_received(self, data: bytes) -> None:
        """Take what the parser, which is between two requests, would read as the last request with another body.

        The same bytes say the same: who asks again is spared the parser and its callbacks.
        """
        rested = self.waiting_since is None
        if (
            rested
            and len(data) == self._repeated_length
            and data.startswith(self._repeated)
            and (loaded := self._asked()) is not None
        ):
            self._take_again(loaded, time.monotonic()).begin(data[len(self._repeated) :], self._header_length)
            return
        begun, taking = self._begun, self._taking
        super().data_received(data)
        alone = rested and self._begun == begun + 1
        if self._taking:
            if not taking:
                self._receive_rest(data, alone=alone)
        elif alone:
            self._learn(data)

    def _learn(self, data: bytes) -> None:
        """Keep the head of the one request that has begun in `data`, if `data` is that usual request, whole.

        If it is a large one, those that have the same head are received in place.
        """
        if self._target is None or self._begun != self._taken or self.waiting_since is not None:
            return
        head = _head_of(data, self._body_length)
        if not head:
            return
        if self._body_length < _LARGE_BYTES or self._header_length is None:
            self._repeated, self._repeated_length = head, len(data)
        elif not self.transport.is_closing():
            InPlace(self, head, self._body_length, self._header_length).take_place()

    def _receive_rest(self, data: bytes, *, alone: bool) -> None:
        """Have the rest of a body of which `data` has the first bytes received in place, if it is large.

        `alone` is whether the request began with `data`, and nothing else did.
        """
        if self._body_length < _LARGE_BYTES or self._header_length is None or self.transport.is_closing():
            return
        begun = self._body if isinstance(self._body, list) else [self._body]
        there = sum(map(len, begun))
        if self._body_length - there < _LARGE_BYTES:
            return
        self._body = b""
        self.begin_parser()  # the old one saw a request begin whose end it will not see
        head = _head_of(data, there) if alone else b""
        InPlace(self, head, self._body_length, self._header_length).take_place(begun)

    def head_came_again(self) -> bool:
        """Take the request whose head came again, if nothing hinders. The parser is between two requests."""
        loaded = self._asked()
        if loaded is None:
            return False
        self.waiting_since = now = time.monotonic()
        self._take_again(loaded, now)
        return True

    def body_received(self, body: memoryview) -> None:
        """Answer the request whose body was received in place."""
        self._complete(body)

    def on_message_begin(self) -> None:
        """A request begins: what uvicorn wants is made once it is known that uvicorn shall answer."""
        self._begun += 1
        self._repeated_length = -1
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._taking = False
        self.begin_head()

    def on_headers_complete(self) -> None:
        """Take the request, or hand it on to uvicorn."""
        if not self.end_head():
            return
        loaded = self._usual()
        if loaded is None:
            url, headers, expect = self.url, self.headers, self.expect_100_continue
            self.begin_scope()
            self.url, self.expect_100_continue = url, expect
            self.headers += headers
            HttpToolsProtocol.on_headers_complete(self)
            return
        self._taking = True
        self._taken = self._begun
        self._body = b""
        self._take(loaded, self.waiting_since or 0.0)

    def _take_again(self, loaded: Loaded, started_at: float) -> Exchange:
        """Take a request whose head the parser did not see."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self.idle_since = None
        return self._take(loaded, started_at)

    def _take(self, loaded: Loaded, started_at: float) -> Exchange:
        kind, traffic = self._kind, self.state.traffic
        if traffic.active:
            if traffic.hand_over:
                self.ending = True
            if kind is Exchange:  # what was forwarded once is not again
                if self._rules is traffic.rules and self._ruled is STABLE:  # as the last one with this head
                    kind = ObservedExchange
                    traffic.asked += 1
                else:
                    kind = SplitExchange
        self._exchange = exchange = kind(self, loaded, started_at)
        self.cycle = exchange  # type: ignore[assignment]
        return exchange

    def _usual(self) -> Loaded | None:
        """Return the model that is asked, if the request is one that the quick way answers."""
        if self.headers != self._known_headers or self.url != self._known_url:
            self._read_head()
        if self._target is None or self.parser.get_method() != b"POST" or not self.parser.should_keep_alive():
            return None
        return self._asked()

    def _asked(self) -> Loaded | None:
        """Return the model that a usual request asks, unless something else is under way or hinders."""
        target = self._target
        if target is None or (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        state = self.state
        if state.phase is _CLOSING or state.observer is not None:
            return None
        try:
            loaded = state.registry.find(*target)
        except RequestError:
            return None
        # Preparing inputs may need a thread, which only the other way waits for.
        return loaded if loaded.preparation is None else None

    def _read_head(self) -> None:
        """Read what the head says; most clients send the same each time. No target: there is something unusual."""
        self._known_headers, self._known_url = self.headers, self.url
        self._target = self._header_length = self._forwarded_head = self._rules = None
        self._kind = Exchange
        length = None
        for name, value in self.headers:
            if name == b"content-length":
                length = int(value)
            elif name == LENGTH_HEADER:
                if not value.isdigit():
                    return
                self._header_length = int(value)
            elif name == message.FORWARDED:
                self._kind = ArrivedExchange
            elif name in _UNUSUAL and value not in _USUAL_VALUES:
                return
        if length is not None and length <= self.state.settings.max_body_bytes:
            self._body_length = length
            self._target = _target(self.url)

    def route(self) -> Arm:
        """Return who answers the request. The split's rules are asked anew for another head, or by another split."""
        traffic = self.state.traffic
        rules = traffic.rules
        if rules is not self._rules:
            self._rules = rules
            self._ruled = rules.arm(self.headers, None if self._target is None else self._target[1])
        traffic.asked += 1
        ruled = self._ruled
        return traffic.drawn() if ruled is None else ruled

    def forwarded_head(self) -> bytes:
        """Return the head with which the request goes on to another pod."""
        if self._forwarded_head is None:
            self._forwarded_head = message.head(self.url, self.headers)
        return self._forwarded_head

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if not self._taking:
            super().on_body(body)
        elif isinstance(self._body, list):
            self._body.append(body)
        else:
            self._body = [self._body, body] if self._body else body

    def on_message_complete(self) -> None:
        """Answer."""
        if not self._taking:
            super().on_message_complete()
            return
        body, self._body = self._body, b""
        self._complete(b"".join(body) if isinstance(body, list) else body)

    def _complete(self, body: bytes | memoryview) -> None:
        self._taking = False
        self.waiting_since = None
        if self._exchange is not None:
            self._exchange.begin(body, self._header_length)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of what is under way."""
        super().connection_lost(exc)
        if self._exchange is not None:
            self._exchange.leave()

    def answer(self, answer: response.Response, more: bytes = b"") -> None:
        """Write an answer's head, with `more` lines, and parts."""
        length, header = answer.length, answer.header_length
        lines = _lines.get((header, length)) or _first_lines(header, length)
        self._write(lines + more if more else lines, answer.parts, length)

    def answer_error(self, exchange: Exchange, error: RequestError) -> None:
        """Write an error, if anybody is still there."""
        if exchange.disconnected:
            return
        body = error_body(error.message)
        headers = [JSON_HEADER, *error.headers, (b"content-length", str(len(body)).encode())]
        self._write(head(error.status, headers)[:-2], (body,), len(body))

    def answer_forwarded(self, answer: message.Answer) -> None:
        """Write what another pod has answered."""
        length = sum(map(len, answer.parts))
        headers = [*answer.headers, (b"content-length", str(length).encode())]
        self._write(head(answer.status, headers)[:-2], answer.parts, length)

    def _write(self, lines: bytes, parts: Sequence[bytes | memoryview], length: int) -> None:
        ends = self.ending and not self.more()
        end = b"connection: close\r\n\r\n" if ends else b"\r\n"
        if length <= _JOIN_BYTES:
            self.transport.write(b"".join((lines, self._common_lines(), end, *parts)))
        else:
            self.transport.writelines([b"".join((lines, self._common_lines(), end)), *parts])
        # An idle connection holds no model, which may be unloaded, and no body. None is uvicorn's own first value.
        # Another request may have come since, and taken its place.
        if self.cycle is self._exchange:  # type: ignore[comparison-overlap]
            self.cycle = None  # type: ignore[assignment]
        self._exchange = None
        if ends:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        elif self.waiting_since is None:
            self.idle_since = time.monotonic()

    def _common_lines(self) -> bytes:
        """Return uvicorn's own header lines, the date; it makes them anew each second."""
        cls = type(self)
        headers = self.server_state.default_headers
        if cls.common_of is not headers:
            cls.common_of = headers
            cls.common = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return cls.common

    common_of: ClassVar[object] = None
    common: ClassVar[bytes] = b""


def _head_of(data: bytes, body: int) -> bytes:
    """Return the head in `data`, if behind it are `body` bytes; nothing if it is too long to be kept.

    What stands before or after the request would be counted in, and the parser would read it otherwise. Padding of
    megabytes, which no limit counts, would be kept as long as the connection.
    """
    end = data.find(b"\r\n\r\n") + 4
    return data[:end] if end <= _LONGEST_HEAD and end + body == len(data) else b""


def _target(url: bytes) -> tuple[str, str | None] | None:
    """Return which model and version `url` asks to infer, or None; what was asked before is looked up."""
    try:
        return _targets[url]
    except KeyError:
        target = parse_path(url.decode("ascii", "replace")) if _PLAIN.fullmatch(url) else None
        if len(_targets) < _TARGETS_LIMIT:
            _targets[url] = target
        return target


_targets: dict[bytes, tuple[str, str | None] | None] = {}
# Escaped characters and queries are left to uvicorn.
_PLAIN = re.compile(rb"/[A-Za-z0-9._~/:@!$&'()*+,;=-]*")
_OK = b"HTTP/1.1 200 OK\r\n"
_JSON_HEAD = _OK + b"content-type: application/json\r\ncontent-length: %d\r\n"
_BINARY_HEAD = _OK + (
    b"content-type: application/octet-stream\r\ninference-header-content-length: %d\r\ncontent-length: %d\r\n"
)


def _first_lines(header: int | None, length: int) -> bytes:
    """Return the first lines of an answer of `length` bytes, and keep them for others of that length."""
    lines = _JSON_HEAD % length if header is None else _BINARY_HEAD % (header, length)
    if len(_lines) < _LINES_LIMIT:
        _lines[header, length] = lines
    return lines


_lines: dict[tuple[int | None, int], bytes] = {}
_LINES_LIMIT = 1024


def quick_connection(state: State, limits: Limits) -> type[QuickConnection]:
    """Return the class of connections that answer for `state`."""
    return type("Connection", (QuickConnection,), {"state": state, "limits": limits})
