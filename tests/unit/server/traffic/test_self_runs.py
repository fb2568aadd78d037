"""Which copies run once more."""

from onnx_server.traffic.room import CREDIT_SECONDS, SHARE
from onnx_server.traffic.self_runs import EVERY, FIRST, FIRST_COST, HELD_CREDIT, HELD_SHARE, SelfRuns


def ran(runs: SelfRuns, copies: int, seconds: float = 0.0, now: float = 100.0) -> list[int]:
    """Return which of so many copies, one after the other, ran."""
    found = []
    for copy in range(copies):
        if runs.begin(0, now):
            found.append(copy)
            runs.end(seconds, 0, now)
    return found


def test_the_first_ones_and_then_every_so_manieth() -> None:
    runs = SelfRuns()
    assert ran(runs, 40) == [*range(FIRST), *range(FIRST - 1 + EVERY, 40, EVERY)]
    runs.anew()
    assert ran(runs, FIRST + 1) == list(range(FIRST))


def test_one_at_a_time() -> None:
    runs = SelfRuns()
    assert runs.begin(0, 1.0)
    assert not runs.begin(0, 1.0)
    runs.anew()
    assert not runs.begin(0, 1.0)
    runs.end(0.0, 0, 1.0)
    assert runs.begin(0, 1.0)


def test_what_is_left_out_is_made_up_for() -> None:
    runs = SelfRuns()
    assert ran(runs, 50, seconds=1.0) == [0]
    due = 100.0 + FIRST_COST / SHARE - CREDIT_SECONDS
    assert ran(runs, 50, now=due - 0.1) == []
    assert ran(runs, 3, now=due + 0.1) == [0, 1, 2]


def test_eight_runs_are_there_before_200_copies_however_long_the_model_runs() -> None:
    for seconds in (0.1, 1.0, 10.0):
        runs, ran, copies, now = SelfRuns(), 0, 0, 100.0
        while ran < 8:
            now, copies = now + seconds / 2, copies + 1  # two copies under way at a time
            if runs.begin(0, now):
                runs.end(seconds, 0, now)
                ran += 1
        assert copies < 200


def test_after_the_first_ones_runs_take_one_percent() -> None:
    runs, ran, now = SelfRuns(), 0, 100.0
    for _ in range(100_000):
        now += 0.05
        if runs.begin(0, now):
            runs.end(0.1, 0, now)
            ran += 1
    assert 0.008 < (ran - FIRST) * 0.1 / (now - 100.0) <= SHARE


def test_few_of_the_clients_requests_are_held_up() -> None:
    runs, held, requests, ran = SelfRuns(), 12, 0, 0
    for _ in range(100_000):
        requests += 7
        if runs.begin(requests, 100.0):
            runs.end(0.0, held, 100.0)
            ran += 1
    assert FIRST * held < HELD_CREDIT
    assert HELD_CREDIT + HELD_SHARE * requests < ran * held <= HELD_CREDIT + HELD_SHARE * requests + held


def test_what_had_no_turn_runs_again_among_clients_requests() -> None:
    runs = SelfRuns()
    for _ in range(FIRST):
        assert runs.begin(0, 1.0)
        runs.end(0.0, 0, 1.0)
        assert not runs.urgent
    runs.anew()
    assert runs.begin(0, 1.0)
    runs.starved()
    for _ in range(FIRST):
        assert runs.begin(0, 1.0), "none was lost"
        assert runs.urgent
        runs.end(0.0, 0, 1.0)
    for _ in range(EVERY - 1):
        assert not runs.begin(0, 1.0)
    assert runs.begin(0, 1.0)
    assert not runs.urgent, "later ones hold nobody up"
