"""The section says what was lost, and how malformed requests were answered."""

from typing import Any

from benchmarks.endurance.report import FRAMES, GRPC_DRAIN, HTTP_DRAIN, REQUESTS, section
from benchmarks.results import Object, Results
from tests.unit.benchmarks.server.results import MACHINE


def drain(lost: int, seconds: float, **more: Any) -> Object:
    return {"clients": 256, "requests": 2000, "lost": lost, "seconds": seconds, "status": 0, **more}


def results(lost: int = 0, statuses: Object | None = None, growth: int = 2048) -> Results:
    http = [drain(lost, 3.1, after=1100), drain(0, 3.3, after=1200)]
    fuzz = {"seconds": 120, "requests": 9000, "statuses": statuses or {"200": 1000, "400": 8000}, "slowest": 0.0801}
    values = {
        HTTP_DRAIN: {"drains": http},
        GRPC_DRAIN: {"drains": [drain(0, 4.0)]},
        REQUESTS: {**fuzz, "residentKib": 102400, "growthKib": growth},
        FRAMES: {"seconds": 120, "connections": 7000, "escaped": 0, "growthKib": 0},
    }
    kept = {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE}
    return Results({name: {**kept, "values": each} for name, each in values.items()})


def test_what_was_lost_is_of_all_drains() -> None:
    made = section(results())
    assert "| lost in drains, HTTP | 0 of 4,000 | 0 | met |" in made
    assert "| HTTP | 2 | 256 | 2,000 / 2,000 / 2,000 | 1,100 / 1,150 / 1,200 | 0 | 3.10 / 3.20 / 3.30 |" in made
    assert "| gRPC | 1 | 256 | 2,000 / 2,000 / 2,000 | - | 0 | 4 / 4 / 4 |" in made
    assert "**NOT MET**" not in made
    assert "| lost in drains, HTTP | 3 of 4,000 | 0 | **NOT MET** |" in section(results(lost=3))


def test_how_malformed_requests_were_answered() -> None:
    assert "| requests | 120 | 9,000 | 1,000 x 200, 8,000 x 400 | 80.1 | 100 +2.0 |" in section(results())
    wrong = section(results(statuses={"400": 8000, "500": 1}, growth=40 * 1024))
    assert "| malformed requests answered with 5xx | 1 | 0 | **NOT MET** |" in wrong
    assert "| malformed requests: memory grows, MiB | 40 | ≤ 32 | **NOT MET** |" in wrong


def test_nothing_measured_is_a_page_all_the_same() -> None:
    assert section(Results()).startswith("# Drain and malformed requests\n")
