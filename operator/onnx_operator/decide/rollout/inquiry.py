"""What is asked of others while a rollout is judged: the queries and webhooks of ``spec.rollout.analysis``."""

from onnx_operator import names
from onnx_operator.decide.revisions import newest_of_spec, stable_of
from onnx_operator.decide.rollout.course import target_of
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.decide.rollout.steps import steps_of
from onnx_operator.measure import Hook, Inquiry, Query
from onnx_operator.observed import Observed

# What would end a text in PromQL, or mean something else in one.
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "'": r"\'", "\n": r"\n", "`": ""})


def inquiry_of(observed: Observed) -> Inquiry | None:
    """Return what is to be asked now; None where no rollout is judged, or nobody is to be asked.

    From the first step on: before that, a candidate has done nothing that somebody could have measured.
    ``observed.measured`` is not read.
    """
    known = {revision.name: revision for revision in observed.revisions}
    stable, wanted = stable_of(list(observed.revisions)), newest_of_spec(observed, list(observed.revisions))
    if stable is None or wanted is None or observed.spec.state != "Active":
        return None
    candidate = known[target_of(known, wanted.name, stable)]
    facts = candidate.rollout
    if candidate.name == stable or facts is None or facts.over or facts.step < 0:
        return None
    rollout = pinned(facts)
    if not rollout.analysis.prometheus and not rollout.analysis.webhooks:
        return None
    put_in = {
        "namespace": observed.namespace,
        "model": observed.name,
        "stable": stable,
        "candidate": candidate.name,
    }
    steps = len(steps_of(rollout))
    return Inquiry(
        course=facts.started_at,
        candidate=candidate.name,
        queries=tuple(Query(query.name, filled(query.query, put_in)) for query in rollout.analysis.prometheus),
        hooks=tuple(Hook(hook.name, hook.url, hook.timeoutSeconds) for hook in rollout.analysis.webhooks),
        document=put_in
        | {
            "startedAt": facts.started_at,
            "step": min(facts.step + 1, steps),
            "steps": steps,
            "weight": facts.weight,
            "url": names.url(observed.namespace, observed.name),
            "candidateUrl": names.url(observed.namespace, candidate.name),
        },
    )


def filled(promql: str, put_in: dict[str, str]) -> str:
    """Return a query with each ``{{name}}`` replaced, escaped as PromQL's texts have it; other braces stay."""
    for name, value in put_in.items():
        promql = promql.replace(f"{{{{{name}}}}}", value.translate(ESCAPES))
    return promql
