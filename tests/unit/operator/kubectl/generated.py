"""Writes what docs/ has of generated files: ``make docs``. A test holds them to what they are made of."""

import io
import re
from pathlib import Path

import yaml
from rich.console import Console

from onnx_operator import names
from onnx_operator.kubectl.render.status import status_tree
from tests.unit.operator.kubectl.recorded_states import NOW, model, pods

DOCS = Path(__file__).parents[4] / "docs"
PICTURE = DOCS / "images" / "kubectl-onnx-status.svg"
ARGO = DOCS / "gitops" / "argocd"
CONFIG_MAP = ARGO / "argocd-cm.yaml"
ACTIONS = ("promote", "abort", "pause", "resume", "retry")
WIDTH = 112  # characters
# Fonts from elsewhere: who reads a page is nobody's business, and GitHub loads none anyway.
FONT_FACES = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def picture() -> str:
    """Return the SVG of ``kubectl onnx status`` in the middle of a rollout."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(status_tree(model("progressing"), pods("progressing"), NOW))
    svg = console.export_svg(title="kubectl onnx status digits --watch", unique_id="kubectl-onnx-status")
    return FONT_FACES.sub("", svg)


def config_map() -> str:
    """Return the patch of the ConfigMap argocd-cm that has the Lua files in it."""
    key = f"{names.GROUP}_{names.KIND}"
    actions = {
        "discovery.lua": _lua("actions/discovery.lua"),
        "definitions": [{"name": name, "action.lua": _lua(f"actions/{name}/action.lua")} for name in ACTIONS],
    }
    patch = {
        "data": {
            f"resource.customizations.health.{key}": _lua("health.lua"),
            f"resource.customizations.actions.{key}": yaml.dump(actions, Dumper=Blocks, sort_keys=False, width=200),
        }
    }
    head = "# Made by `make docs` of the Lua files beside it:\n"
    apply = (
        f"# kubectl patch configmap argocd-cm --namespace argocd --patch-file {CONFIG_MAP.relative_to(DOCS.parent)}\n"
    )
    return head + apply + yaml.dump(patch, Dumper=Blocks, sort_keys=False, width=200)


class Blocks(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Blocks.add_representer(str, _text)


def _lua(name: str) -> str:
    return (ARGO / name).read_text()


if __name__ == "__main__":
    PICTURE.write_text(picture())
    CONFIG_MAP.write_text(config_map())
