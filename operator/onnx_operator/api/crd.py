"""The CustomResourceDefinition, generated from the types."""

from typing import Any

import yaml

from onnx_operator import names
from onnx_operator.api.analysis import Analysis, Outputs
from onnx_operator.api.base import ApiModel, rule
from onnx_operator.api.rollout import Capacity, Rollout, Routing, SignatureRules, across_fields
from onnx_operator.api.spec import Spec
from onnx_operator.api.status import Status

# What may be said of a value that is an integer or text.
VALUES = ("pattern", "maxLength", "minimum")


def structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return pydantic's JSON schema in the structural form that Kubernetes takes.

    References are put in place, ``anyOf [X, null]`` becomes X, ``const`` a one-value enum; titles,
    ``additionalProperties: false`` and empty defaults go (the API server prunes and refuses unknown fields itself).
    """
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
        own = {key: value for key, value in schema.items() if key != "$ref"}
        return structural({**target, **own}, definitions)
    if schema.get("x-kubernetes-int-or-string"):
        kept = {"description", *VALUES} | {key for key in schema if key.startswith("x-")}
        return {key: value for key, value in schema.items() if key in kept}
    if "anyOf" in schema:
        (only,) = [option for option in schema["anyOf"] if option.get("type") != "null"]
        own = {key: value for key, value in schema.items() if key != "anyOf"}
        return structural({**only, **own}, definitions)
    out: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "properties":
                out[key] = {name: structural(inner, definitions) for name, inner in value.items()}
            case "items":
                out[key] = structural(value, definitions)
            case "additionalProperties":
                if isinstance(value, dict):
                    out[key] = structural(value, definitions)
            case "const":
                out["enum"] = [value]
            case "title" | "$defs" | "default":
                pass
            case _:
                out[key] = value
    if out.get("x-kubernetes-preserve-unknown-fields"):
        out.pop("additionalProperties", None)
    if out.get("type") == "integer":
        out.setdefault("format", "int32")
    return out


def schema_of(model: type[Spec] | type[Status]) -> dict[str, Any]:
    """Return the structural schema of one of the API types."""
    schema = model.model_json_schema()
    return structural(schema, schema.get("$defs", {}))


def definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition as a plain dict."""
    spec = schema_of(Spec)
    # Defaults that `kubectl get -o yaml` should show; frozen fields have none here, so that a new default of a later
    # version never changes the hash of a revision that exists.
    spec["properties"]["state"]["default"] = "Active"
    scaling = spec["properties"]["scaling"]
    scaling["default"] = {}
    scaling["x-kubernetes-validations"] = [
        rule(
            "has(self.maxReplicas) == has(self.target)",
            "maxReplicas and target go together: they make an autoscaler",
        ),
        rule(
            "!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas",
            "maxReplicas must be at least minReplicas",
        ),
        rule("!has(self.behavior) || has(self.target)", "behavior is the autoscaler's: set maxReplicas and target"),
    ]
    spec["x-kubernetes-validations"] = [
        rule(
            "!has(self.scaling.target) || (has(self.resources) && ("
            "(has(self.resources.requests) && 'cpu' in self.resources.requests) || "
            "(has(self.resources.limits) && 'cpu' in self.resources.limits)))",
            "scaling.target.cpuPercent is a share of the CPU request: set resources.requests.cpu",
        )
    ]
    scaling["properties"]["minReplicas"]["default"] = 1
    rollout = spec["properties"]["rollout"]
    rollout["x-kubernetes-validations"] = across_fields()
    for shown, of in (
        (rollout, Rollout()),
        (rollout["properties"]["capacity"], Capacity()),
        (rollout["properties"]["analysis"], Analysis()),
        (rollout["properties"]["analysis"]["properties"]["outputs"], Outputs()),
        (spec["properties"]["routing"], Routing()),
        (spec["properties"]["signature"], SignatureRules()),
    ):
        show_defaults(shown, of)
    name_rules = [
        rule(
            f"self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && "
            f"size(self.metadata.name) <= {names.MAX_MODEL_NAME}",
            f"metadata.name must be a DNS label of at most {names.MAX_MODEL_NAME} characters: lower-case letters, "
            "digits and '-', starting with a letter, because Services are named after it",
        ),
        rule(
            f"!self.metadata.name.matches('-[{names.SAFE_ALPHABET}]{{{names.HASH_LENGTH}}}$')",
            "metadata.name must not end like a revision's name ('-' and 10 characters of its alphabet)",
        ),
    ]
    schema = {
        "type": "object",
        "description": "ONNXModel serves one ONNX model: a Deployment and Service a revision, one entry Service.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            # Until the operator has spoken, kstatus must not take a model without conditions for one that is there.
            "status": {**schema_of(Status), "default": {"observedGeneration": -1}},
        },
        "x-kubernetes-validations": name_rules,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names.PLURAL}.{names.GROUP}",
            # Removing the CRD removes every model: `helm uninstall` leaves it.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "listKind": f"{names.KIND}List",
                "shortNames": ["om"],
                "categories": ["onnx"],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": printer_columns(),
                }
            ],
        },
    }


def show_defaults(schema: dict[str, Any], of: ApiModel) -> None:
    """Put the defaults of plain fields into the schema of an object, which is there by default itself."""
    schema["default"] = {}
    for name, value in of:
        if isinstance(value, str | int):
            schema["properties"][name]["default"] = value


def printer_columns() -> list[dict[str, Any]]:
    """Return what ``kubectl get onnxmodels`` shows."""

    def column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
        return {"name": name, "jsonPath": path, "type": kind, "priority": priority}

    def condition(type_: str, field: str) -> str:
        return f'.status.conditions[?(@.type=="{type_}")].{field}'

    return [
        column("Ready", condition("Ready", "status")),
        column("Pods", ".status.readyReplicas", "integer"),
        column("Serving", ".status.stableRevision"),
        column("Candidate", ".status.candidateRevision"),
        column("Phase", ".status.rollout.phase"),
        column("Step", ".status.rollout.progress"),
        column("Weight", ".status.rollout.weight", "integer"),
        column("Status", condition("Reconciling", "reason")),
        column("Age", ".metadata.creationTimestamp", "date"),
        column("URL", ".status.url", priority=1),
        column("Message", condition("Reconciling", "message"), priority=1),
    ]


def manifest() -> str:
    """Return the CustomResourceDefinition as YAML, as it stands in crds/."""
    header = "# Generated from operator/onnx_operator/api by `make crds`; do not edit.\n"
    return header + yaml.safe_dump(definition(), sort_keys=False, width=120)
