"""The command line's grammar and its end: problems with their remedies, and exit codes."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from onnx_operator import __version__
from onnx_operator.kubectl.cli.predict import predict
from onnx_operator.kubectl.cli.revisions import diff, history
from onnx_operator.kubectl.cli.status import status
from onnx_operator.kubectl.cli.steering import add_actions
from onnx_operator.kubectl.problems import ProblemError

INTERRUPTED = 130

APP = typer.Typer(
    name="kubectl onnx",
    help="See how the rollout of an ONNXModel goes, and steer it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
APP.command()(status)
add_actions(APP)
APP.command()(history)
APP.command()(diff)
APP.command()(predict)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process: 0 if it worked, 1 if not or if an action was ignored, 2 for a wrong call."""
    try:
        APP(args=None if arguments is None else list(arguments), prog_name="kubectl onnx")
    except ProblemError as problem:
        said = Console(stderr=True, highlight=False)
        said.print(Text.assemble(("Error: ", "bold red"), problem.message), soft_wrap=True)
        if problem.remedy:
            said.print(Text(problem.remedy), soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@APP.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
