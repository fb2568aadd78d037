"""What the status tells of the checks. A look that sees little more than the last one tells the same words."""

from collections.abc import Mapping
from typing import Any

from onnx_operator.api.status import CheckStatus
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.trend import appended, bar_of

Object = Mapping[str, Any]


def check_statuses(sight: Sight) -> list[CheckStatus]:
    """Return what is told of each check, in words that were told already wherever these are still true enough."""
    before = _told_before(sight)
    # Who does not answer for a moment has not lost what it has seen: numbers that fall and rise again are no news.
    partial = None in sight.splits
    return [_status(judgement, before.get(judgement.check, {}), partial) for judgement in judged(sight)]


def rounded(samples: int) -> int:
    """Return a count rounded down to 1, 2 or 5 times a power of ten, so that the status is not written at each look."""
    if samples <= 0:
        return 0
    power: int = 10 ** (len(str(samples)) - 1)
    return max(step * power for step in (1, 2, 5) if step * power <= samples)


def _told_before(sight: Sight) -> dict[str, Object]:
    """Return what the status says of this rollout's checks."""
    said = sight.observed.status.get("rollout") or {}
    if (said.get("revision"), said.get("startedAt")) != (sight.candidate.name, sight.facts.started_at):
        return {}
    return {check["check"]: check for check in said.get("checks", [])}


def _status(judgement: Judgement, before: Object, partial: bool) -> CheckStatus:
    made = CheckStatus(
        check=judgement.check,
        verdict=judgement.verdict,
        value=judgement.value,
        interval=judgement.interval,
        samples=None if judgement.samples is None else rounded(judgement.samples),
        needed=judgement.needed,
        trend=before.get("trend"),
        message=judgement.message or None,
    )
    fewer = partial and made.samples is not None and made.samples < (before.get("samples") or 0)
    if fewer and made.verdict == before.get("verdict"):
        return CheckStatus.model_validate(before)
    if _is_new(judgement, made, before):
        return made.model_copy(update={"trend": _trend(judgement, made, before)})
    kept = {part: before.get(part) for part in ("value", "interval", "message")}
    return made.model_copy(update=kept)


def _is_new(judgement: Judgement, made: CheckStatus, before: Object) -> bool:
    if made.verdict != before.get("verdict") or made.needed != before.get("needed"):
        return True
    if made.samples == before.get("samples") == 0:
        return made.message != before.get("message")  # there is nothing yet that could change at each look
    if made.samples is not None or before.get("samples") is not None:
        return made.samples != before.get("samples")
    # Without samples: a number counts when it takes another bar, words whenever they are others.
    return judgement.level is None or not (before.get("trend") or "").endswith(bar_of(judgement.level))


def _trend(judgement: Judgement, made: CheckStatus, before: Object) -> str | None:
    told = before.get("trend") or ""
    if made.samples is not None and made.samples == before.get("samples"):
        return told or None
    return appended(told, judgement.level) or None
