"""The gRPC transport as unmodified clients see it: grpcio in both its forms, h2load, and drains under load."""

import asyncio
import datetime
import gzip
import ipaddress
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .echo_process import UNLIMITED, EchoProcess, echo
from .http2_client import message, request


@pytest.fixture(scope="module")
def server() -> Iterator[EchoProcess]:
    with echo() as process:
        yield process
        assert process.facts()["escaped"] == []


@pytest.fixture
def channel(server: EchoProcess) -> Iterator[grpc.Channel]:
    with server.channel() as channel:
        yield channel


def unary(channel: grpc.Channel, name: str = "Echo") -> Any:
    return channel.unary_unary(f"/test.Echo/{name}")


def stream(channel: grpc.Channel, name: str = "Stream") -> Any:
    return channel.stream_stream(f"/test.Echo/{name}")


@pytest.mark.parametrize("name", ["Echo", "Pieces"])
def test_messages_of_all_sizes(channel: grpc.Channel, name: str) -> None:
    for size in (0, 1, 16378, 16379, 16380, 65535, 65536, 3_000_000, 30_000_000):
        data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert unary(channel, name)(data, timeout=60) == data


def test_four_hundred_calls_at_once_share_the_windows(channel: grpc.Channel) -> None:
    calls = [unary(channel).future(bytes([number % 256]) * 50_000, timeout=60) for number in range(400)]
    assert all(call.result() == bytes([number % 256]) * 50_000 for number, call in enumerate(calls))


def test_a_stream_both_ways(channel: grpc.Channel) -> None:
    messages = [b"x" * (number * 977 % 70_000) for number in range(300)]
    assert list(stream(channel)(iter(messages), timeout=60)) == messages
    large = [b"x" * 10_000_000, b"y" * 10_000_000]
    assert list(stream(channel)(iter(large), timeout=60)) == large
    total = stream(channel, "Count")(iter([b"x" * 100_000] * 300), timeout=60)
    assert list(total) == [b"30000000"]
    assert sum(map(len, stream(channel, "Fill")(iter([b"300"]), timeout=60))) == 30_000_000


def test_a_reader_that_pauses_holds_the_sender(server: EchoProcess, channel: grpc.Channel) -> None:
    before = server.facts()["peak_memory"]
    answers = stream(channel, "Fill")(iter([b"3000"]), timeout=60)
    next(answers)
    time.sleep(1)
    assert server.facts()["peak_memory"] - before < 50 << 20
    assert sum(map(len, answers)) == 2999 * 100_000


def test_status_and_text(channel: grpc.Channel) -> None:
    text = "100 % Größe\n値"
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Fail")(json.dumps([5, text]).encode())
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, text)
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Broken")(b"")
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert "only the log" not in caught.value.details()
    answers = stream(channel)(iter([b"a", b"fail", b"b"]))
    assert next(answers) == b"a"
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.DATA_LOSS, "as asked")
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Absent")(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_metadata_and_deadline_reach_the_handler(channel: grpc.Channel) -> None:
    sent = (("x-text", "a b,c"), ("x-text", "again"), ("x-data-bin", b"\x00\xff,"), ("x-empty-bin", b""))
    facts = json.loads(unary(channel, "Facts")(b"", metadata=sent, timeout=20))
    got = [(name, value if isinstance(value, str) else bytes(value)) for name, value in facts["metadata"]]
    assert [pair for pair in got if pair[0].startswith("x-")] == list(sent)
    assert 18 < facts["deadline"] < 20.5  # grpcio tells it in few digits, rounded up
    assert facts["peer"].startswith("127.0.0.1:")
    assert json.loads(unary(channel, "Facts")(b""))["deadline"] is False
    assert unary(channel)(b"a", metadata=(("x-long", "v" * 7000),)) == b"a"


def test_compressed_messages(server: EchoProcess) -> None:
    for method in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        with server.channel() as channel:
            data = b"x" * 200_000
            assert channel.unary_unary("/test.Echo/Echo")(data, compression=method) == data
            assert list(channel.stream_stream("/test.Echo/Stream")(iter([data] * 3), compression=method)) == [data] * 3


def test_too_large_messages_are_refused_however_they_come() -> None:
    from .http2_client import Client

    with echo(max_message_bytes=100_000) as server, server.channel() as channel:
        for size, compression in ((100_001, None), (5_000_000, None), (5_000_000, grpc.Compression.Gzip)):
            with pytest.raises(grpc.RpcError) as caught:
                unary(channel)(b"x" * size, compression=compression)
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "maxMessageBytes" in caught.value.details()
        assert len(unary(channel)(b"x" * 100_000)) == 100_000
        client = Client(server.port)
        bomb = message(gzip.compress(b"\0" * 50_000_000), flag=1)
        fields = request("/test.Echo/Echo", ("grpc-encoding", "gzip"))
        sent = client.open(fields)
        from hyperframe.frame import DataFrame

        for start in range(0, len(bomb), 16384):
            last = ["END_STREAM"] if start + 16384 >= len(bomb) else []
            client.send(DataFrame(sent, bomb[start : start + 16384], flags=last))
        assert client.answer(sent)[1]["grpc-status"] == "8"
        client.close()
        assert server.facts()["peak_memory"] < 150 << 20


def test_cancels_and_deadlines_reach_the_handler(server: EchoProcess, channel: grpc.Channel) -> None:
    before = server.facts()["cancelled"]
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Never")(b"", timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 5
    server.wait_for("cancelled", before + 1)
    calls = [unary(channel, "Never").future(b"") for _ in range(5)]
    server.wait_for("calls", 6)
    for call in calls:
        call.cancel()
    server.wait_for("cancelled", before + 6)
    answers = stream(channel)(iter([b"a"] + [b"b"] * 3), timeout=30)
    assert next(answers) == b"a"
    list(answers)
    waiting = stream(channel, "Deaf")(iter([]))
    server.wait_for("calls", 2)
    waiting.cancel()
    server.wait_for("calls", 1)
    assert server.facts()["tasks"] == 1


def test_a_client_that_goes_cancels_its_calls(server: EchoProcess) -> None:
    before = server.facts()["cancelled"]
    channel = server.channel()
    calls = [unary(channel, "Never").future(b"") for _ in range(3)]
    server.wait_for("calls", 4)
    channel.close()
    server.wait_for("cancelled", before + len(calls))
    server.wait_for("connections", 1)
    assert server.facts()["buffered"] == 0


def test_the_asyncio_client(server: EchoProcess) -> None:
    async def talk() -> None:
        async with grpc.aio.insecure_channel(server.address, options=UNLIMITED) as channel:
            call = channel.unary_unary("/test.Echo/Echo")
            answers = await asyncio.gather(*(call(b"%d" % number) for number in range(400)))
            assert answers == [b"%d" % number for number in range(400)]
            both = channel.stream_stream("/test.Echo/Stream")(timeout=20)
            for number in range(50):
                await both.write(b"%d" % number)
                assert await both.read() == b"%d" % number
            await both.done_writing()
            assert await both.read() is grpc.aio.EOF
            assert await both.code() == grpc.StatusCode.OK

    asyncio.run(talk())


def test_tls(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    with echo(f"certificate={pem}") as server:
        credentials = grpc.ssl_channel_credentials(pem.read_bytes())
        with grpc.secure_channel(server.address, credentials, options=UNLIMITED) as channel:
            for data in (b"abc", b"x" * 10_000_000):
                assert unary(channel)(data, timeout=30) == data
        server.terminate()
        assert server.end() == "buffered 0\n"


def certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = folder / "server.pem"
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + encoded)
    return pem


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed (nghttp2-client)")
def test_h2load(server: EchoProcess, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(message(b"x" * 300))
    url = f"http://{server.address}/test.Echo/Echo"
    command = [
        "h2load",
        "-n",
        "5000",
        "-c",
        "4",
        "-m",
        "32",
        "-d",
        str(body),
        "-H",
        "content-type: application/grpc",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "5000 succeeded, 0 failed, 0 errored" in done.stdout


class Load:
    """Threads that call one after the other, and remember what failed."""

    def __init__(self, channel: grpc.Channel, threads: int) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._ended = threading.Event()
        self._echo = unary(channel, "Later")
        self._pool = ThreadPoolExecutor(threads)
        self._futures = [self._pool.submit(self._run) for _ in range(threads)]

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                assert self._echo(b"5", timeout=20) == b"5"
                self.answered += 1
            except grpc.RpcError as error:
                self.failures.append(f"{error.code()} {error.details()}")

    def end(self) -> None:
        self._ended.set()
        wait(self._futures)
        self._pool.shutdown()


def test_connections_that_grow_old_lose_no_call() -> None:
    """The client does not try again, and its connections end twice a second or so."""
    with echo(max_age_seconds=1) as server, server.channel() as channel:
        peers = set()
        load = Load(channel, threads=16)
        for _ in range(60):
            time.sleep(0.1)
            peers.add(json.loads(unary(channel, "Facts")(b"", timeout=10))["peer"])
        load.end()
        assert load.failures == []
        assert load.answered > 100
        assert len(peers) >= 3


def test_a_drain_under_load_loses_no_call() -> None:
    """Calls that began before the listener closed are answered; the client then finds another server."""
    with echo() as old, echo() as new:
        addresses = f"ipv4:{old.address},{new.address}"  # pick_first: the second when the first goes
        with grpc.insecure_channel(addresses, options=UNLIMITED) as channel:
            slow = unary(channel, "Later").future(b"2000", timeout=20)
            watch = stream(channel)(endless(), timeout=60)
            assert next(watch) == b"tick"
            load = Load(channel, threads=16)
            time.sleep(1)
            assert old.facts()["connections"] == 2
            old.terminate()
            assert slow.result() == b"2000"
            assert old.end() == "buffered 0\n"
            list(watch)
            assert watch.code() == grpc.StatusCode.OK  # a long stream ends between two messages
            time.sleep(1)
            load.end()
            assert load.failures == []
            assert json.loads(unary(channel, "Facts")(b"", timeout=10))["connections"] == 1


def endless() -> Iterator[bytes]:
    yield b"tick"
    threading.Event().wait(15)
