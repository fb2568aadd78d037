"""A revision in one line, and the share of requests that each of them answers."""

from typing import Any

from rich.text import Text

from onnx_operator.kubectl.render.words import BAD, GOOD, QUIET, ROLES, WAITING, joined

Object = dict[str, Any]


def shares(status: Object) -> dict[str, int]:
    """Return the percent of requests that revisions answer, by name: of those that are meant to answer any.

    It is what the stable pods have acknowledged, not what they were asked: the two differ for a moment at each step.
    """
    stable, rollout = status.get("stableRevision"), status.get("rollout", {})
    if not stable:
        return {}
    candidate = rollout.get("revision")
    if not candidate or candidate == stable:
        return {stable: 100}
    weight = int(rollout.get("appliedWeight", 0))
    return {stable: 100 - weight, candidate: weight}


def revision_line(revision: Object, share: int | None, rejected: bool) -> Text:
    """Return a revision's line; ``share`` is its percent of the requests, if that means something."""
    role = "Rejected" if rejected and revision["role"] != "Stable" else revision["role"]
    ready, replicas = revision["ready"], revision["replicas"]
    pods = f"{ready}/{replicas} pods ready" if replicas else "no pods"
    digest = revision.get("digest") or ""
    return joined(
        Text(role, f"bold {ROLES.get(role, '')}".strip()),
        Text(revision["name"], "bold"),
        Text(f"{share} %", GOOD if share else QUIET) if share is not None else "",
        Text(pods, _style(ready, replicas)),
        revision["uri"],
        Text(short_digest(digest), QUIET),
    )


def short_digest(digest: str) -> str:
    """Return as much of ``sha256:...`` as people compare."""
    return digest[: len("sha256:") + 12]


def _style(ready: int, replicas: int) -> str:
    if not replicas:
        return QUIET
    if ready >= replicas:
        return GOOD
    return WAITING if ready else BAD
