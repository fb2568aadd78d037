"""What is asked on a user's behalf while a rollout is judged, and what was answered last. Values only.

Who asks is ``measuring``, what is asked of whom ``decide/rollout/inquiry``, what an answer means
``decide/rollout/checks/measured``. Times are as ``decide/times`` stores them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Query:
    """A PromQL query, with everything put in."""

    name: str
    promql: str


@dataclass(frozen=True)
class Hook:
    """A webhook: who is asked, and for how many seconds an answer is waited for."""

    name: str
    url: str
    timeout: int


@dataclass(frozen=True)
class Inquiry:
    """What is asked of one rollout, which ``course`` names: the time of its beginning.

    ``document`` is what webhooks are told of it. It changes as the rollout goes on; the questions do not.
    """

    course: str
    candidate: str
    queries: tuple[Query, ...] = ()
    hooks: tuple[Hook, ...] = ()
    document: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Number:
    """A query's answer: one finite or infinite number, never NaN."""

    at: str
    value: float


@dataclass(frozen=True)
class Opinion:
    """A webhook's answer, in its own words; ``value`` is None if it told none."""

    at: str
    verdict: Literal["Pass", "Fail", "Unknown"]
    message: str = ""
    value: str | None = None


@dataclass(frozen=True)
class Silence:
    """No answer: ``why`` is a sentence, with the remedy where there is one."""

    at: str
    why: str


Answer = Number | Opinion | Silence


@dataclass(frozen=True)
class Measure:
    """The newest answer to a question, and the one before it."""

    newest: Answer
    before: Answer | None = None
