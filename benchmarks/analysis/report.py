"""The tables of simulated rates."""

from collections.abc import Callable

from benchmarks.analysis import cases
from benchmarks.analysis.bound import errors_found_at_most
from benchmarks.analysis.detection import errors_found, outputs_found
from benchmarks.analysis.durations import Servers, taken_back
from benchmarks.analysis.peers import aborts
from benchmarks.analysis.rollouts import Outcome, Rollouts
from benchmarks.analysis.truth import Plan, Truth
from benchmarks.tables import table
from onnx_operator.decide.analysis import budget

# What is to be found slower, and how; with a tolerance of 20 %, within 300 of the candidate's batches.
SLOWER = {
    "40 % slower, durations vary by 10 %": Servers(slower=1.4, noise=0.1),
    "40 % slower, by 20 %": Servers(slower=1.4, noise=0.2),
    "40 % slower, by 30 %": Servers(slower=1.4, noise=0.3),
    "40 % slower, by 30 %, 2 % of batches take 5 times as long": Servers(slower=1.4, noise=0.3, pauses=0.02),
    "40 % slower, by 20 %, 5 % take 5 times as long, all drift by ±50 %": Servers(
        slower=1.4, noise=0.2, pauses=0.05, drift=0.5
    ),
}
AS_FAST = {
    "as fast, batches of 1 or 2 rows beside up to 16": Servers(candidate_rows=2, stable_rows=16),
    "as fast, batches of up to 16 rows beside 1 or 2": Servers(candidate_rows=16, stable_rows=2),
    "as fast, 10 times the load: the stable revision's batches take 3 times as long": Servers(
        stable_load=3.0, stable_batches=190, drift=0.5
    ),
    "as fast, by 30 %, 5 % take 5 times as long, all drift by ±50 %": Servers(noise=0.3, pauses=0.05, drift=0.5),
}


def edge(count: int, seed: int) -> str:
    """Return what becomes of rollouts of candidates at the edge of every tolerance."""
    return _rollouts(
        ("at the edge, Retrained", cases.at_the_edge, cases.RETRAINED),
        ("at the edge, Equivalent", cases.at_the_edge, cases.EQUIVALENT),
        count=count,
        seed=seed,
    )


def equal(count: int, seed: int) -> str:
    """Return what becomes of rollouts of candidates as good as the stable revision."""
    return _rollouts(("as good", cases.as_good, cases.RETRAINED), count=count, seed=seed)


def _rollouts(*kinds: tuple[str, Callable[[float, Plan], Truth], Plan], count: int, seed: int) -> str:
    rows = []
    for what, make, plan in kinds:
        for stable in cases.STABLE:
            found = [simulated(make(stable, plan), plan, rate, count, seed) for rate in cases.RATES]
            rows.append((what, f"{stable:.1%}", *(_told(outcome) for outcome in found)))
    return table(("candidate", "stable errors", *(f"{rate}/s" for rate in cases.RATES)), rows)


def simulated(truth: Truth, plan: Plan, rate: float, count: int, seed: int) -> Outcome:
    """Return what becomes of so many rollouts of one candidate."""
    return Rollouts(truth, plan, rate, count, seed).run()


def detections(count: int, seed: int) -> str:
    """Return how often what is wrong is found, and what is only other is not."""
    rows: list[tuple[str, str, str]] = []
    ways = (
        (0, "at a weight of 5 %"),
        (300, "300 of them copies, then at a weight of 5 %"),
        (600, "all requests copied"),
    )
    for copied, shown in ways:
        for within in (400, 600):
            found = errors_found(0.001, 0.05, 19, copied, within, count, seed)
            rows.append((f"5 % errors against 0.1 %, {shown}", f"{within} requests", f"{found:.1%}"))
    most = errors_found_at_most(0.001, 0.05, 400, 0.01, budget.ERRORS)
    rows.append(("the same, all requests copied: what no test can do better", "400 requests", f"{most:.1%}"))
    fewer = max(100, count // 2)
    for what, servers in SLOWER.items():
        rows.append((what, "300 batches", f"{taken_back(servers, 20, 300, fewer, seed):.1%}"))
    for what, servers in AS_FAST.items():
        rows.append((what, "300 batches", f"{taken_back(servers, 20, 300, fewer, seed):.1%}"))
    for what, apart, floor in (
        ("Retrained, permuted labels: 10 % agree", 0.9, 0.5),
        ("Equivalent, one wrong weight: a tenth differs", 0.1, 0.99),
        ("Equivalent, one wrong weight: a quarter differs", 0.25, 0.99),
    ):
        for outputs in (1, 10):
            found, half = outputs_found(apart, floor, outputs, 200, count, seed)
            among = f"{outputs} output{'s' * (outputs > 1)}"
            rows.append((f"{what} ({among})", f"200 copies; half of them by {half}", f"{found:.2%}"))
    return table(("what", "within", "found"), rows)


def peers(count: int, seed: int) -> str:
    """Return how often the usual rule takes a healthy canary back."""
    rules = ((0, "none may fail"), (3, "3 may fail"), (4, "4 may fail"))
    rows = [
        (f"{errors:.2%}", *(f"{aborts(errors, 60, 10, allowed, 50 * count, seed):.1%}" for allowed, _ in rules))
        for errors in (0.0005, 0.001, 0.002, 0.005)
    ]
    return table(("errors of the canary", *(shown for _, shown in rules)), rows)


def _told(outcome: Outcome) -> str:
    told = f"{outcome.aborted / outcome.rollouts:.2%} aborted, {outcome.inconclusive / outcome.rollouts:.1%} waited"
    return told if outcome.seconds is None else f"{told}, {outcome.seconds:.0f} s"
