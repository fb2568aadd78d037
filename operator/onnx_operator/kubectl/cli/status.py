"""``status``: once, or for as long as one looks."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from onnx_operator.kubectl.cli import options
from onnx_operator.kubectl.cli.options import Output
from onnx_operator.kubectl.cli.running import now, on_cluster, print_json, screen
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.problems import ProblemError
from onnx_operator.kubectl.render.report import report_of
from onnx_operator.kubectl.render.status import status_tree

Seen = tuple[dict[str, Any], list[dict[str, Any]] | None]


def status(
    name: options.Model,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until interrupted.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks with --watch.")] = 1.0,
    output: options.OutputOption = Output.TEXT,
    namespace: options.Namespace = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show a model: its rollout, its revisions with their shares and pods, and what it waits for."""

    async def command(cluster: Cluster) -> None:
        if watch:
            await _watch(cluster, name, interval, output)
        elif output is Output.JSON:
            print_json(report_of(*await _look(cluster, name)))
        else:
            screen().print(status_tree(*await _look(cluster, name), now()))

    on_cluster(options.flags_of(namespace, context, kubeconfig), command)


async def _look(cluster: Cluster, name: str) -> Seen:
    return await cluster.model(name), await cluster.pods(name)


async def _watch(cluster: Cluster, name: str, interval: float, output: Output) -> None:
    console = screen()
    if output is Output.JSON or not console.is_terminal:
        await _follow(cluster, name, interval, output, console)
        return
    seen = await _look(cluster, name)
    with Live(status_tree(*seen, now()), console=console, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(interval)
            trouble = ""
            try:
                seen = await _look(cluster, name)
            except ProblemError as problem:
                if not problem.passing:
                    raise
                trouble = problem.message
            # Above the tree: what a low terminal has no room for is cut off below.
            told = [Text(trouble, "red")] if trouble else []
            live.update(Group(*told, status_tree(*seen, now())), refresh=True)


async def _follow(cluster: Cluster, name: str, interval: float, output: Output, console: Console) -> None:
    """Print what has changed, each time as a whole: for logs and programs."""
    before: dict[str, Any] | None = None
    while True:
        try:
            seen = await _look(cluster, name)
        except ProblemError as problem:
            if not problem.passing or before is None:
                raise
        else:
            report = report_of(*seen)
            if report != before and output is Output.JSON:
                print_json(report, indent=None)
            elif report != before:
                console.print(status_tree(*seen, now()))
            before = report
        await asyncio.sleep(interval)
