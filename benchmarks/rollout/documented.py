"""What the documents of others say that their samples take: read there, not measured here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sample:
    """A sample configuration in a document, and the formulas that it gives for its times.

    `interval` is the seconds between two looks, `failing` how many failed looks it takes to roll back, `steps` how many
    intervals or pauses of `step` seconds it takes to promote. `limits` is what its metrics have to be beyond, by what
    is wrong with a version (errors, latency); what is not there it does not look at.
    """

    tool: str
    document: str
    settings: str
    interval: int
    failing: int
    step: int
    steps: int
    limits: Mapping[str, str]

    @property
    def rollback(self) -> int:
        """Seconds until a version whose metrics are bad from the first look on is rolled back."""
        return self.interval * self.failing

    @property
    def promotion(self) -> int:
        """Seconds until a good version is promoted."""
        return self.step * self.steps


SAMPLES: Final = (
    # Its page "Deployment Strategies" has the formulas: interval * threshold, interval * (maxWeight / stepWeight).
    Sample(
        tool="Flagger",
        document="docs/gitbook/usage/how-it-works.md, the canary `podinfo`",
        settings="interval 1m, threshold 10, maxWeight 50, stepWeight 5",
        interval=60,
        failing=10,
        step=60,
        steps=10,
        limits={"errors": "more than 1 % fail", "latency": "P99 above 500 ms"},
    ),
    # "The metric is measured to be less than 95 %, and there are three such measurements": failureLimit 3.
    Sample(
        tool="Argo Rollouts",
        document="docs/features/analysis.md, Background Analysis",
        settings="interval 5m, failureLimit 3, four pauses of 10m",
        interval=300,
        failing=3,
        step=600,
        steps=4,
        limits={"errors": "more than 5 % fail"},
    ),
)
