"""Frames as no client sends them: nothing escapes, nothing hangs, nothing grows, and the next good call works."""

from tests.contract.frame_fuzzing import fuzz

SEED = 20261125
SECONDS = 20


def test_malformed_frames_for_a_while() -> None:
    figures = fuzz(SECONDS, SEED)
    assert figures.connections > 100
    assert figures.escaped == []
    assert (figures.calls, figures.buffered, figures.tasks) == (1, 0, 1)
    assert figures.growth < 30 << 20
