"""What of a change of the status a person wants to be told, once, in the order in which it happened. Pure."""

from typing import Any, NamedTuple

from onnx_operator.decide import reasons
from onnx_operator.report.rollout_news import rejections, rollout_news

Object = dict[str, Any]


class News(NamedTuple):
    """One Kubernetes Event: ``type`` is Normal or Warning, ``reason`` a constant."""

    type: str
    reason: str
    message: str


def news(before: Object, after: Object) -> list[News]:
    """Return what is new in a status."""
    told = [News(*one) for one in rollout_news(before, after)]
    old = {condition["type"]: condition for condition in before.get("conditions", [])}
    new = {condition["type"]: condition for condition in after["conditions"]}
    action = after.get("lastAction")
    if action and action != before.get("lastAction"):
        type_ = "Normal" if action["result"] == "Accepted" else "Warning"
        # What a person asked for comes before what came of it.
        told.insert(0, News(type_, f"Action{action['result']}", f"{action['action']}: {action['message']}"))
    stalled = new["Stalled"]
    known = old.get("Stalled", {}).get("reason") == stalled["reason"]
    told_already = stalled["reason"] in {rejected["reason"] for rejected in rejections(before, after)}
    if stalled["status"] == "True" and not known and not told_already:
        told.append(News("Warning", stalled["reason"], stalled["message"]))
    was_ready, ready = old.get("Ready", {}).get("status"), new["Ready"]
    if ready["reason"] == reasons.GOLDEN_MISMATCH != old.get("Ready", {}).get("reason"):
        told.append(News("Warning", ready["reason"], ready["message"]))
    if ready["status"] == "True" and was_ready != "True":
        told.append(News("Normal", "Ready", ready["message"]))
    if ready["status"] == "False" and was_ready == "True":
        told.append(News("Warning", "NotReady", ready["message"]))
    return told
