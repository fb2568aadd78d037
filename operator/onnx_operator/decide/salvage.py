"""Revisions whose ControllerRevision somebody deleted, read back from what was made of it.

What was frozen must not be rendered anew: today's defaults may be others, and every pod would restart.
"""

import json
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.frozen.rendering import SERVER_CONFIG, render
from onnx_operator.kube.difference import covers
from onnx_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT
from onnx_operator.observed import Observed, Revision

Object = dict[str, Any]


def salvaged(observed: Observed) -> list[Revision]:
    """Return the revisions that have a Deployment and no ControllerRevision."""
    known = {revision.name for revision in observed.revisions}
    deployments = [obj for (kind, name), obj in observed.owned.items() if kind == DEPLOYMENT.kind and name not in known]
    found = [_salvaged(observed, deployment) for deployment in deployments]
    return [revision for revision in found if revision]


def _salvaged(observed: Observed, deployment: Object) -> Revision | None:
    name = deployment["metadata"]["name"]
    try:
        frozen = json.loads(deployment["metadata"].get("annotations", {})[names.ANNOTATION_FROZEN])
        spec = Spec.model_validate(frozen["declared"])
        number = int(frozen["number"])
    except (KeyError, TypeError, ValueError):
        return None  # not one that we have made, or somebody edited it
    rendered = render(observed.name, name, spec, observed.defaults)
    template = deployment["spec"]["template"]
    # The live template has the API server's defaults in it; if ours has become it, ours it was.
    same = covers({"template": rendered["template"]}, {"template": template})
    config = observed.owned.get((CONFIG_MAP.kind, name), {}).get("data", {}).get(SERVER_CONFIG)
    live = observed.owned.get((CONFIG_MAP.kind, names.live_config_name(name)), {}).get("data", {})
    return Revision(
        name=name,
        number=number,
        data={
            **rendered,
            **({"refreshOf": frozen["refreshOf"]} if frozen.get("refreshOf") else {}),
            "template": rendered["template"] if same else _without_nulls(template),
            "config": {SERVER_CONFIG: config} if config else rendered["config"],
        },
        digest=live.get("digest") or (f"sha256:{spec.model.sha256}" if spec.model.sha256 else None),
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
