"""The options that commands share: kubectl's own, by kubectl's names."""

import re
from enum import Enum
from typing import Annotated

import typer

from onnx_operator.kubectl.access import Flags

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Output(Enum):
    """How a command prints what it found."""

    TEXT = "text"
    JSON = "json"


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is no name of an object: lower-case letters, digits, '-' and '.'")
    return value


def _optional_name(value: str | None) -> str | None:
    return None if value is None else _name(value)


Model = Annotated[str, typer.Argument(metavar="NAME", help="Name of the ONNXModel.", callback=_name)]
RevisionName = Annotated[str, typer.Argument(metavar="REVISION", help="Name of a revision.", callback=_name)]
OptionalRevision = Annotated[
    str | None,
    typer.Option("--revision", metavar="REVISION", help="Of this revision and no other.", callback=_optional_name),
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace. Default: the context's.", callback=_optional_name)
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig. Default: the current one.")]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig", help="Kubeconfig file. Default: $KUBECONFIG, else ~/.kube/config, else the pod's own."
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the operator's answer.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for it.")]


def flags_of(namespace: str | None, context: str | None, kubeconfig: str | None) -> Flags:
    """Return kubectl's flags as one value."""
    return Flags(namespace, context, kubeconfig)
