"""``history`` and ``diff``: the revisions that there are, and what two of them differ in."""

from onnx_operator.kubectl.cli import options
from onnx_operator.kubectl.cli.options import Output
from onnx_operator.kubectl.cli.running import now, on_cluster, print_json, screen
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.render.difference import difference
from onnx_operator.kubectl.render.history import history_of, history_table


def history(
    name: options.Model,
    output: options.OutputOption = Output.TEXT,
    namespace: options.Namespace = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List a model's revisions, the newest first: when each was promoted, or why it was rejected."""

    async def command(cluster: Cluster) -> None:
        facts = history_of(await cluster.model(name), await cluster.revisions(name))
        if output is Output.JSON:
            print_json(facts)
        else:
            screen().print(history_table(facts, now()))

    on_cluster(options.flags_of(namespace, context, kubeconfig), command)


def diff(
    old: options.RevisionName,
    new: options.RevisionName,
    namespace: options.Namespace = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what two revisions differ in: the declared spec, and the image and digest found for it."""

    async def command(cluster: Cluster) -> None:
        screen().print(difference(await cluster.revision(old), await cluster.revision(new)))

    on_cluster(options.flags_of(namespace, context, kubeconfig), command)
