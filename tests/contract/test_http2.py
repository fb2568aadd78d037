"""The gRPC port as HTTP/2 (RFC 9113, RFC 7541): conformance, and what a connection may do."""

import itertools
import re
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.cluster import tools

from .echo_process import EchoProcess, echo
from .http2_client import PREFACE, Client, close_all, message, request

CALM = 11  # ENHANCE_YOUR_CALM
KNOWN_EXCEPTIONS: set[str] = set()
"""What h2spec finds and we defend: nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[EchoProcess]:
    with echo() as process:
        yield process
        assert process.facts()["escaped"] == []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def client(server: EchoProcess) -> Client:
    return Client(server.port)


@pytest.mark.parametrize(("suite", "least"), [("generic", 40), ("http2", 90), ("hpack", 7)])
def test_h2spec_finds_nothing(server: EchoProcess, suite: str, least: int) -> None:
    """`least` tells that the suite ran, and that its cases saw answers which they could judge."""
    command = [str(tools.binary("h2spec")), "--port", str(server.port), "--timeout", "5", suite]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    failed = set(re.findall(r"^\s*\u00d7 \d+: (.*)$", done.stdout, re.MULTILINE))
    assert failed == KNOWN_EXCEPTIONS, done.stdout
    ran = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, (\d+) failed", done.stdout)
    assert ran is not None, done.stdout
    assert int(ran[2]) >= least


def test_an_http_client_hears_what_the_port_speaks(client: Client) -> None:
    get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "test")]
    body, fields = client.answer(client.open(get, "END_STREAM"))
    assert (fields[":status"], fields["allow"], fields["grpc-status"]) == ("405", "POST", "13")
    assert b"gRPC" in body
    post = [(":method", "POST"), *get[1:], ("content-type", "application/json")]
    stream = client.open(post)
    client.send(DataFrame(stream, b"{}", flags=["END_STREAM"]))
    body, fields = client.answer(stream)
    assert fields[":status"] == "415"
    assert b"application/grpc" in body


@pytest.mark.parametrize(
    ("path", "more", "payload", "status", "text"),
    [
        ("/no/Method", (), message(b""), "12", "no method /no/Method is served"),
        ("/test.Echo/Echo", (("grpc-timeout", "soon"),), message(b""), "13", "grpc-timeout 'soon'"),
        ("/test.Echo/Echo", (("grpc-timeout", "0n"),), message(b""), "4", "the deadline passed"),
        ("/test.Echo/Echo", (("grpc-encoding", "snappy"),), message(b""), "12", "identity, gzip or deflate"),
        ("/test.Echo/Echo", (("some-bin", "!"),), message(b""), "13", "metadata some-bin"),
        ("/test.Echo/Echo", (), message(b"x", flag=1), "13", "marked as compressed"),
        ("/test.Echo/Echo", (("grpc-encoding", "gzip"),), message(b"x", flag=1), "13", "is not gzip"),
        ("/test.Echo/Echo", (("grpc-encoding", "gzip"),), message(b"x", flag=7), "13", "the mark 0 or 1"),
        ("/test.Echo/Echo", (), b"", "13", "none came"),
        ("/test.Echo/Echo", (), message(b"1") + message(b"2"), "13", "two came"),
        ("/test.Echo/Echo", (), message(b"12345")[:-1], "13", "ends inside a message"),
        ("/test.Echo/Echo", (), b"\0\xff\xff\xff\xff", "8", "at most 67108864"),
        ("/test.Echo/Echo", (("x-large", "v" * 17000),), message(b""), "8", "at most 16384"),
    ],
)
def test_a_bad_call_ends_alone(
    client: Client, path: str, more: tuple[tuple[str, str], ...], payload: bytes, status: str, text: str
) -> None:
    for _ in range(2):  # the second time from the cache of header blocks
        client.stream += 2
        stream = client.stream
        block = client.encoder.encode(request(path, *more))
        first, rest = block[:16000], block[16000:]
        client.send(HeadersFrame(stream, first, flags=[] if rest else ["END_HEADERS"]))
        if rest:
            client.send(ContinuationFrame(stream, rest, flags=["END_HEADERS"]))
        client.send(DataFrame(stream, payload, flags=["END_STREAM"]))
        _, fields = client.answer(stream)
        assert fields["grpc-status"] == status, fields
        assert text in fields["grpc-message"].replace("%20", " ")
    assert client.echoes()


def test_padding_and_any_cut_into_frames_make_no_difference(client: Client) -> None:
    stream = client.open(request())
    for byte in message(b"abc"):
        client.send(DataFrame(stream, bytes([byte]), pad_length=9, flags=["PADDED"]))
    client.send(DataFrame(stream, b"", flags=["END_STREAM"]))
    assert client.answer(stream)[0] == message(b"abc")
    stream = client.open(request())
    client.send(DataFrame(stream, message(b"abc")), HeadersFrame(stream, b"", flags=["END_STREAM", "END_HEADERS"]))
    assert client.answer(stream)[0] == message(b"abc")


def test_a_changed_table_forgets_what_was_known_of_blocks(client: Client) -> None:
    """The same bytes mean another method after the table changed: the cache of blocks must know."""
    for path in ("/test.Echo/Echo", "/no/Method", "/test.Echo/Echo", "/test.Echo/Pieces"):
        client.encoder = type(client.encoder)()  # its indexes start again, so blocks are the same but for the path
        client.encoder.header_table_size = 0  # empties the server's table, too
        client.encoder.header_table_size = 4096
        for _ in range(3):
            body, fields = client.answer(client.call(b"abcdef", path))
            assert (fields["grpc-status"], body) == (("12", b"") if path == "/no/Method" else ("0", message(b"abcdef")))


def test_an_answer_waits_for_credit_and_is_whole(server: EchoProcess) -> None:
    client = Client(server.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 10})
    stream = client.call(b"x" * 100)
    body = b""
    for frame in client.frames(seconds=0.5):
        if isinstance(frame, DataFrame):
            assert len(frame.data) <= 10
            body += frame.data
            client.send(WindowUpdateFrame(stream, 7))
    assert body == message(b"x" * 100)
    client.close()


def test_answers_to_one_that_gives_no_credit_are_bounded() -> None:
    with echo(max_buffered_bytes=1_000_000) as server:
        client = Client(server.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0})
        answers = {client.call(b"x" * 16_000): "" for _ in range(100)}
        for frame in client.frames(seconds=1):
            if isinstance(frame, HeadersFrame):
                answers[frame.stream_id] = client.fields(frame.data).get("grpc-status", "")
        assert 30 <= list(answers.values()).count("8") < 60
        client.close()
        server.wait_for("buffered", 0)


def test_unfinished_requests_are_bounded() -> None:
    with echo(max_buffered_bytes=1_000_000) as server:
        client = Client(server.port)
        for _ in range(20):
            stream = client.open(request())
            for _ in range(10):
                client.send(DataFrame(stream, message(b"x" * 1_000_000)[:10_000]))
        blocks = [frame.data for frame in client.frames(seconds=1) if isinstance(frame, HeadersFrame)]
        statuses = [client.fields(block)["grpc-status"] for block in blocks]
        assert 5 <= statuses.count("8") <= 15
        assert client.echoes()
        client.close()
        server.wait_for("buffered", 0)


def test_a_reader_that_does_not_read_stops_the_client(server: EchoProcess) -> None:
    client = Client(server.port)
    updates = set()
    for _ in range(5):  # 4 MiB each, the stream's window: more than the connection's in all
        stream = client.open(request("/test.Echo/Deaf"))
        for _ in range(16):
            client.send(*[DataFrame(stream, b"\0" * 16384)] * 16)
        updates |= {frame.stream_id for frame in client.frames(0.2) if isinstance(frame, WindowUpdateFrame)}
    assert updates == {0}  # calls that are read may go on
    assert client.echoes()
    client.send(DataFrame(stream, b"\0"))
    assert client.answer(stream)[1]["reset"] == "3"  # FLOW_CONTROL_ERROR
    client.close()


@pytest.mark.parametrize(
    ("flood", "count"),
    [
        (PingFrame(0, b"12345678"), 40_000),
        (SettingsFrame(0, settings={3: 100}), 4_000),
        (WindowUpdateFrame(1, 1), 40_000),
        (DataFrame(1, b""), 40_000),
        (DataFrame(1, b"", pad_length=8, flags=["PADDED"]), 40_000),
    ],
)
def test_a_flood_ends_the_connection(server: EchoProcess, flood: Frame, count: int) -> None:
    client = Client(server.port)
    client.call(b"1000000", "/test.Echo/Never")
    client.stream = 1
    client.open(request("/test.Echo/Deaf"))
    flood.stream_id = 3 if flood.stream_id else 0
    client.send(*[flood] * count)
    assert client.goaway().error_code == CALM
    client.close()


def test_rapid_resets_end_the_connection(server: EchoProcess) -> None:
    client = Client(server.port)
    client.open(request("/test.Echo/Never"))
    frames: list[Frame] = []
    block = client.encoder.encode(request("/test.Echo/Never"))
    for stream in range(3, 60_003, 2):
        frames.append(HeadersFrame(stream, block, flags=["END_HEADERS"]))
        frames.append(RstStreamFrame(stream, 8))
    client.send(*frames)
    assert client.goaway().error_code == CALM
    client.close()


def test_endless_header_blocks_end_the_connection(server: EchoProcess) -> None:
    for piece, count in ((b"", 100), (b"\0\1a\x7f\x80\x7f" + b"v" * 8000, 10)):
        client = Client(server.port)
        client.send(HeadersFrame(1, b""), *[ContinuationFrame(1, piece)] * count)
        assert client.goaway().error_code == CALM
        client.close()


def test_headers_that_grow_in_decoding_end_the_connection(server: EchoProcess) -> None:
    client = Client(server.port)
    client.open(request("/test.Echo/Echo", ("x-large", "v" * 3800)), "END_STREAM")
    client.send(HeadersFrame(3, bytes([0x80 | 62]) * 5000, flags=["END_HEADERS", "END_STREAM"]))
    assert client.goaway().error_code == CALM
    client.close()


def test_measuring_clients_are_not_punished(client: Client) -> None:
    """grpc-go and grpc-core ping once in a round trip while answers come: many thousand a second on one machine."""
    for _ in range(100):
        streams = [client.call(b"x") for _ in range(60)]
        client.send(*[PingFrame(0, b"12345678")] * 120, *[WindowUpdateFrame(0, 6)] * 120)
        assert client.answer(streams[-1])[1]["grpc-status"] == "0"


def test_too_many_streams_are_refused() -> None:
    with echo(max_streams=10) as server:
        client = Client(server.port)
        streams = [client.call(b"", "/test.Echo/Never") for _ in range(11)]
        assert client.answer(streams[-1])[1]["reset"] == "7"  # REFUSED_STREAM: the client may try again
        client.send(RstStreamFrame(streams[0], 8))
        assert client.echoes()
        client.close()


def test_too_many_connections_are_sent_away() -> None:
    with echo(max_connections=3) as server:
        clients = [Client(server.port) for _ in range(3)]
        assert all(client.echoes() for client in clients)
        another = Client(server.port)
        assert another.goaway().error_code == CALM
        another.close()
        assert clients[0].echoes()
        clients[0].close()
        clients[1].wait(0.2)
        last = Client(server.port)
        assert last.echoes()


def test_who_says_nothing_is_not_waited_for() -> None:
    with echo(preface_seconds=1) as server:
        silent, partial = Client(server.port, greet=False), Client(server.port, greet=False)
        partial.socket.sendall(PREFACE[:10])
        assert silent.goaway().error_code == 1
        assert partial.goaway().error_code == 1


def test_a_slow_request_ends_alone() -> None:
    with echo(receive_seconds=1) as server:
        client = Client(server.port)
        whole, unary, stream = client.call(b"4000", "/test.Echo/Later"), client.open(request()), 0
        client.send(DataFrame(unary, message(b"12345")[:7]))
        _, fields = client.answer(unary)
        assert (fields["grpc-status"], "within 1 s" in fields["grpc-message"]) == ("4", True)
        stream = client.open(request("/test.Echo/Stream"))
        client.wait(2.5)  # a stream may pause between its messages
        client.send(DataFrame(stream, message(b"abc")), DataFrame(stream, b"\0\0"))
        body, fields = client.answer(stream)
        assert (body, fields["grpc-status"]) == (message(b"abc"), "4")
        assert whole == 1
        client.close()


def test_who_does_not_read_is_not_waited_for() -> None:
    with echo(send_seconds=1) as server:
        client = Client(server.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0})
        assert client.answer(client.call(b"abc"))[1]["reset"] == "8"
        client.close()
        deaf = Client(server.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: (1 << 31) - 1})
        deaf.send(WindowUpdateFrame(0, (1 << 31) - 1 - 65535))
        deaf.call(b"1000", "/test.Echo/Fill")  # 100 MB that nobody takes from the socket
        time.sleep(4)
        assert server.facts()["connections"] == 1
        assert server.facts()["peak_memory"] < 300 << 20
        deaf.close()


def test_an_idle_connection_ends_politely_and_a_dead_one_at_once() -> None:
    with echo(idle_seconds=1) as server:
        client = Client(server.port)
        assert client.echoes()
        assert client.goaway().error_code == 0
    with echo(ping_seconds=1, ping_timeout_seconds=1) as server:
        alive, dead = Client(server.port), Client(server.port)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for frame in alive.frames(seconds=0.1):
                if isinstance(frame, PingFrame):
                    alive.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        assert alive.echoes()
        assert [type(frame) for frame in dead.frames() if isinstance(frame, PingFrame)] == [PingFrame]
        assert dead.closed


def test_a_call_that_is_on_its_way_when_an_old_connection_ends_is_answered() -> None:
    with echo(max_age_seconds=1) as server:
        client = Client(server.port)
        told = list(itertools.takewhile(lambda frame: not isinstance(frame, PingFrame), client.frames()))
        assert isinstance(told[-1], GoAwayFrame)
        assert told[-1].last_stream_id == 2**31 - 1
        stream = client.call(b"on its way")
        client.send(PingFrame(0, b"draining", flags=["ACK"]))
        rest = list(client.frames())
        assert client.closed
        assert b"".join(frame.data for frame in rest if isinstance(frame, DataFrame)) == message(b"on its way")
        assert [frame.last_stream_id for frame in rest if isinstance(frame, GoAwayFrame)] == [stream]


def test_http_1_is_sent_away(server: EchoProcess) -> None:
    client = Client(server.port, greet=False)
    client.socket.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert client.goaway().error_code == 1
    client = Client(server.port, greet=False)
    client.socket.sendall(PREFACE + struct.pack(">IBI", 8 << 8 | 6, 0, 0) + b"12345678")
    assert client.goaway().error_code == 1
