"""The candidates whose rollouts are simulated: at the edge of every tolerance, and as good as the stable revision."""

from benchmarks.analysis.truth import Plan, Truth

# Requests per second, and the stable revision's own share of errors.
RATES = (1, 10, 100)
STABLE = (0.001, 0.01, 0.05, 0.2)
RETRAINED = Plan()
EQUIVALENT = Plan(apart=0.01)


def at_the_edge(stable: float, plan: Plan = RETRAINED, outputs: int = 1) -> Truth:
    """Return a candidate that is exactly as bad as is tolerated, by every check at once."""
    return Truth(
        stable_errors=stable,
        errors=stable + plan.errors,
        slower=1.0,
        apart=(plan.apart,) * outputs,
        non_finite=plan.non_finite,
        stuck=plan.stuck,
    )


def as_good(stable: float, plan: Plan = RETRAINED) -> Truth:
    """Return a candidate that errs and lasts like the stable revision, with outputs half as far apart as may be."""
    return Truth(stable_errors=stable, errors=stable, slower=1 / 1.5, apart=(plan.apart / 2,))
