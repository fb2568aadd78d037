"""What do the user's own checks say? Queries by their limits, webhooks by their word.

Each is asked again and again (``measuring``). A number outside its limits counts when it is outside twice in a row:
one scrape that went wrong takes nobody back. A webhook's Fail counts at once, since it is meant. A Pass is of this
step: what was asked before all pods had its weight is no answer to it.
"""

from onnx_operator.api.analysis import PrometheusQuery, Webhook
from onnx_operator.decide import reasons
from onnx_operator.decide.finding import sentence
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.measure import Answer, Number, Opinion, Silence

# Further beyond is not told apart.
HIGHEST_LEVEL = 1000.0
EARLIER = "the answer is of before this step; it is asked again."
NOT_YET = "it was not asked yet."


def measured(sight: Sight) -> tuple[Judgement, ...]:
    """Return the verdict of each check that the user has named."""
    analysis = sight.rollout.analysis
    return (
        *(_of_query(sight, query) for query in analysis.prometheus),
        *(_of_webhook(sight, webhook) for webhook in analysis.webhooks),
    )


def _of_query(sight: Sight, query: PrometheusQuery) -> Judgement:
    found = sight.observed.measured.get(query.name)
    if found is None or not isinstance(found.newest, Number):
        return _unknown(query.name, found.newest if found else None)
    value, limits = found.newest.value, _limits(query)
    shown, level = f"{value:.3g} ({limits})", level_of(value, query)
    if level <= 1:
        if _is_earlier(sight, found.newest):
            return Judgement(query.name, "Unknown", message=EARLIER, value=shown, holds=True, level=level)
        return Judgement(query.name, "Pass", value=shown, level=level)
    if isinstance(found.before, Number) and level_of(found.before.value, query) > 1:
        message = f"the query {query.name} is {value:.3g}, for the second time in a row outside of {limits}."
        return Judgement(query.name, "Fail", reasons.METRIC_OUT_OF_RANGE, message, shown, level=level)
    message = f"{value:.3g} is outside: {limits} is allowed. A second such answer in a row takes the candidate back."
    return Judgement(query.name, "Unknown", message=message, value=shown, holds=True, level=level)


def _of_webhook(sight: Sight, webhook: Webhook) -> Judgement:
    found = sight.observed.measured.get(webhook.name)
    if found is None or not isinstance(found.newest, Opinion):
        return _unknown(webhook.name, found.newest if found else None)
    said = found.newest
    match said.verdict:
        case "Fail":
            message = sentence(f"the webhook {webhook.name} says Fail: {said.message or 'without a word why'}")
            return Judgement(webhook.name, "Fail", reasons.WEBHOOK_SAYS_FAIL, message, said.value)
        case "Pass" if not _is_earlier(sight, said):
            return Judgement(webhook.name, "Pass", message=said.message, value=said.value)
        case "Pass":
            return Judgement(webhook.name, "Unknown", message=EARLIER, value=said.value, holds=True)
    return Judgement(webhook.name, "Unknown", message=said.message or "it says Unknown.", value=said.value, holds=True)


def _unknown(name: str, newest: Answer | None) -> Judgement:
    why = newest.why if isinstance(newest, Silence) else NOT_YET
    return Judgement(name, "Unknown", message=why, holds=True)


def _is_earlier(sight: Sight, answer: Answer) -> bool:
    return answer.at < sight.facts.weighted_at


def _limits(query: PrometheusQuery) -> str:
    if query.min is not None and query.max is not None:
        return f"{query.min} to {query.max}"
    return f"at least {query.min}" if query.min is not None else f"at most {query.max}"


def level_of(value: float, query: PrometheusQuery) -> float:
    """Return how much of what is allowed a value takes up: above 1 is outside, 0 in the middle or far from the limit.

    Between two limits it is the distance from their middle, in half widths; to one limit above 0, the share of it.
    """
    low = float(query.min) if query.min is not None else None
    high = float(query.max) if query.max is not None else None
    outside = (low is not None and value < low) or (high is not None and value > high)
    if low is not None and high is not None:
        share = abs(value - (low + high) / 2) / ((high - low) / 2) if high > low else 0.0
    elif high is not None:
        share = value / high if high > 0 else 0.0
    else:
        share = low / value if low is not None and low > 0 and value > 0 else 0.0
    # What the division rounds must not change on which side of the limit a value is.
    return min(HIGHEST_LEVEL, max(share, 1.001)) if outside else min(1.0, max(share, 0.0))
