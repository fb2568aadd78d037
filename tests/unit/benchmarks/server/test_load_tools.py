"""What wrk and h2load print is read, and a load in which something failed is no result."""

from pathlib import Path

import pytest

from benchmarks.server import h2load, wrk
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.messages import Message

WRK = """Running 1s test @ http://127.0.0.1:28100/v2/models/tiny/infer
  1 threads and 32 connections
Requests/sec:   2758.00

measured: {"requests": 5000, "microseconds": 2000000, "failed": %d, "p50": 357, "p99": 3947}
"""

H2LOAD = """starting benchmark...
finished in 2.00s, 3.00 req/s, 210.49KB/s
requests: 6 total, 6 started, 6 done, %d succeeded, %d failed, %d errored, 0 timeout
status codes: 6 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 420.99KB (431089) total, 13.05KB (13365) headers (space savings 95.49%%), 0.68KB (%d) data
"""
LOG = [f"1795609807582265\t200\t{microseconds}" for microseconds in (1000, 2000, 3000, 4000, 5000, 60000)]


def test_wrk_is_read() -> None:
    load = wrk.parsed(WRK % 0)
    assert (load.answers, load.per_second, load.p50, load.p99) == (5000, 2500.0, 0.357, 3.947)


def test_a_failed_request_of_wrk_is_told() -> None:
    with pytest.raises(BenchmarkError, match="3 requests failed, 5000 were answered"):
        wrk.parsed(WRK % 3)
    with pytest.raises(BenchmarkError, match="unable to connect"):
        wrk.parsed("unable to connect to 127.0.0.1:28100 Connection refused")


def test_the_script_sends_the_message() -> None:
    made = wrk.script(Message(b"{}", {"Content-Type": "application/json"}), Path("/some/body"))
    assert 'wrk.headers["Content-Type"] = "application/json"' in made
    assert 'io.open("/some/body", "rb")' in made


def test_h2load_is_read() -> None:
    load = h2load.parsed(H2LOAD % (6, 0, 0, 6 * 116), LOG, connections=1, seconds=2, answer_bytes=111)
    assert (load.answers, load.per_second, load.p50, load.p99) == (6, 3.0, 3.0, 60.0)
    assert load.shown() == {"perSecond": 3.0, "p50": 3.0, "p99": 60.0}


@pytest.mark.parametrize(("failed", "errored"), [(1, 0), (0, 1)])
def test_a_failed_request_of_h2load_is_told(failed: int, errored: int) -> None:
    output = H2LOAD % (6 - failed - errored, failed, errored, 6 * 116)
    with pytest.raises(BenchmarkError, match="others failed"):
        h2load.parsed(output, LOG, connections=1, seconds=2, answer_bytes=111)


def test_answers_without_a_message_are_grpc_errors() -> None:
    with pytest.raises(BenchmarkError, match=r"some were errors"):
        h2load.parsed(H2LOAD % (6, 0, 0, 3 * 116), LOG, connections=1, seconds=2, answer_bytes=111)


def test_no_answer_in_the_time_is_a_load_without_answers() -> None:
    output = H2LOAD.replace("6 done", "0 done") % (0, 0, 0, 0)
    load = h2load.parsed(output, [], connections=1, seconds=2, answer_bytes=111)
    assert load.answers == 0
    assert load.shown() == {"perSecond": 0.0}
