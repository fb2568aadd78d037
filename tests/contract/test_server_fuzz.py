"""Malformed requests for a bounded time: no 500, no hang, no growth, and the next good request works.

FUZZ_SECONDS and FUZZ_SEED choose how long and which.
"""

import os
from pathlib import Path

import pytest

from tests.contract.fuzzing import ALLOWED, fuzz, fuzzed_server

SECONDS = float(os.environ.get("FUZZ_SECONDS", "15"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
GROWTH_KIB = 32 * 1024


@pytest.mark.timeout(SECONDS + 120)
def test_malformed_requests(tmp_path: Path) -> None:
    with fuzzed_server(tmp_path) as server:
        figures = fuzz(server, SECONDS, SEED)
    print(f"\nseed {SEED}, {SECONDS:.0f} s: {figures}")
    assert figures.growth < GROWTH_KIB
    assert set(figures.statuses) >= ALLOWED
