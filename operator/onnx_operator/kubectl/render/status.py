"""A model as a tree: how its rollout stands, its revisions with their shares and pods, and what the operator says."""

from datetime import datetime
from typing import Any

from rich.text import Text
from rich.tree import Tree

from onnx_operator.decide.trouble import trouble_of
from onnx_operator.kubectl.render.age import age
from onnx_operator.kubectl.render.checks import check_notes, checks_table
from onnx_operator.kubectl.render.pods import pod_line, pods_of
from onnx_operator.kubectl.render.revisions import revision_line, shares
from onnx_operator.kubectl.render.rollout import headline, rollout_lines
from onnx_operator.kubectl.render.words import BAD, GOOD, MOVING, QUIET, WAITING, condition_sign, joined

Object = dict[str, Any]


def status_tree(model: Object, pods: list[Object] | None, now: datetime) -> Tree:
    """Return the tree of an ONNXModel and its pods; ``pods`` is None where they may not be seen."""
    metadata, status = model["metadata"], model.get("status", {})
    tree = Tree(_title(metadata, status), guide_style=QUIET, highlight=False)
    if not status:
        tree.add(Text("The operator has not seen it yet. Is it running, and does it watch this namespace?", BAD))
        return tree
    if status.get("observedGeneration") != metadata.get("generation"):
        tree.add(
            Text("The spec has changed; the operator has not looked at it yet. What follows is from before.", MOVING)
        )
    if rollout := status.get("rollout"):
        branch = tree.add(headline(rollout, now))
        for line in rollout_lines(rollout):
            branch.add(line)
        if checks := rollout.get("checks"):
            branch.add(checks_table(checks))
            for line in check_notes(checks):
                branch.add(line)
    _add_revisions(tree, status, pods, now)
    branch = tree.add(Text("Conditions", "bold"))
    for condition in status.get("conditions", []):
        branch.add(_condition(condition, now))
    if action := status.get("lastAction"):
        tree.add(_action(action))
    return tree


def _title(metadata: Object, status: Object) -> Text:
    where = Text.assemble((metadata["name"], "bold"), f" in namespace {metadata['namespace']}")
    return joined(where, Text(status.get("url", ""), QUIET))


def _add_revisions(tree: Tree, status: Object, pods: list[Object] | None, now: datetime) -> None:
    rejected = {entry["revision"]: entry for entry in status.get("rejected", [])}
    share = shares(status)
    idle: list[str] = []
    for revision in status.get("revisions", []):
        own = pods_of(revision["name"], pods or [])
        if revision["role"] == "Retired" and not revision["replicas"] and not own:
            idle.append(revision["name"])
            continue
        branch = tree.add(
            revision_line(
                revision, share.get(revision["name"]) if revision["ready"] else None, revision["name"] in rejected
            )
        )
        if why := rejected.pop(revision["name"], None):
            branch.add(_rejection(why, now))
        for pod in own:
            branch.add(pod_line(pod, now))
        if trouble := trouble_of(tuple(own), None):
            branch.add(joined(Text(trouble.reason, BAD if trouble.stuck else WAITING), trouble.message))
        if pods is None and revision["replicas"]:
            branch.add(Text("You may not list pods here.", QUIET))
    for name, why in rejected.items():
        tree.add(joined(Text("Rejected", BAD), name)).add(_rejection(why, now))
    if idle:
        tree.add(Text(f"Retired, without pods: {', '.join(idle)}", QUIET))


def _rejection(entry: Object, now: datetime) -> Text:
    return joined(Text(f"✗ {entry['reason']}", BAD), _ago(entry.get("at"), now), entry["message"])


def _condition(condition: Object, now: datetime) -> Text:
    sign, style = condition_sign(condition["type"], condition["status"])
    return joined(
        Text(f"{sign} {condition['type']}={condition['status']}", style),
        Text(condition["reason"], style),
        _ago(condition.get("lastTransitionTime"), now),
        condition["message"] if style != QUIET else "",
    )


def _action(action: Object) -> Text:
    accepted = action["result"] == "Accepted"
    asked = f"{action['action']}@{action['revision']}" if action.get("revision") else action["action"]
    return joined(
        Text("Last action", "bold"),
        asked,
        Text(action["result"], GOOD if accepted else BAD),
        action["message"],
    )


def _ago(when: str | None, now: datetime) -> Text:
    past = age(when, now)
    return Text(f"{past} ago" if past else "", QUIET)
