"""The manual actions: each asks the operator, waits for its answer, and ends with 1 if it is ignored."""

import secrets
from collections.abc import Callable
from typing import Annotated

import typer

from onnx_operator.kubectl.access import Flags
from onnx_operator.kubectl.actions import Action, target
from onnx_operator.kubectl.asking import answered, ask
from onnx_operator.kubectl.cli import options
from onnx_operator.kubectl.cli.running import on_cluster, screen
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.render.answer import answer_line, asked_line, is_accepted

SECONDS = 30.0

# What each does, as its help says it; they differ in nothing else.
SIMPLE = {
    "promote": "Promote the new revision now, whatever steps are left.",
    "abort": "Take the new revision back: weight 0, no pods, rejected until `retry`.",
    "pause": "Hold the rollout at the weight that it has.",
    "resume": "End a pause: go on with the next step.",
    "retry": "Roll a rejected revision out once more, from the first step.",
    "refresh": "Roll the same spec out with today's defaults, such as a patched server image.",
}


def add_actions(app: typer.Typer) -> None:
    """Add a command for each action."""
    for verb, help_ in SIMPLE.items():
        app.command(verb, help=help_)(_command(verb))
    app.command()(rollback)


def rollback(
    name: options.Model,
    revision: Annotated[
        str | None,
        typer.Argument(help="Where to go back to. Default: what served before."),
    ] = None,
    wait: options.Wait = True,
    timeout: options.Timeout = SECONDS,
    namespace: options.Namespace = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Make an earlier revision serve again, and reject the one that the spec asks for until `retry`."""
    flags = options.flags_of(namespace, context, kubeconfig)
    _act("rollback", name, revision, timeout if wait else None, flags)


def _command(verb: str) -> Callable[..., None]:
    def command(
        name: options.Model,
        revision: options.OptionalRevision = None,
        wait: options.Wait = True,
        timeout: options.Timeout = SECONDS,
        namespace: options.Namespace = None,
        context: options.Context = None,
        kubeconfig: options.Kubeconfig = None,
    ) -> None:
        _act(verb, name, revision, timeout if wait else None, options.flags_of(namespace, context, kubeconfig))

    return command


def _act(verb: str, name: str, revision: str | None, timeout: float | None, flags: Flags) -> None:
    """Ask for an action; wait ``timeout`` seconds for the answer, or not at all with None."""

    async def command(cluster: Cluster) -> bool:
        model = await cluster.model(name)
        revisions = await cluster.revisions(name) if verb == "rollback" and not revision else []
        action = Action(verb, target(verb, model, revisions, revision), secrets.token_hex(4))
        await ask(cluster, name, action)
        if timeout is None:
            screen().print(asked_line(action, name))
            return True
        answer = await answered(cluster, name, action, timeout)
        screen().print(answer_line(action, answer))
        return is_accepted(answer)

    if not on_cluster(flags, command):
        raise typer.Exit(1)
