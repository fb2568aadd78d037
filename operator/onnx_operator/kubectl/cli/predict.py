"""``predict``: one request to a model, through the API server."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from onnx_operator.kubectl import predicting
from onnx_operator.kubectl.cli import options
from onnx_operator.kubectl.cli.options import Output
from onnx_operator.kubectl.cli.running import on_cluster, print_json, screen
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.layout import image_input
from onnx_operator.kubectl.payload import request_of
from onnx_operator.kubectl.picture import picture_tensor
from onnx_operator.kubectl.problems import ProblemError
from onnx_operator.kubectl.render.prediction import prediction


def predict(
    name: options.Model,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            allow_dash=True,
            help="File with a request, with an object from input names to nested lists, or with one nested list; - is "
            "standard input.",
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Image file, brought to the size, layout and type of the model's input.")
    ] = None,
    brightest: Annotated[
        float | None, typer.Option(help="What a full pixel becomes in a float input. Default: 1.")
    ] = None,
    revision: options.OptionalRevision = None,
    output: options.OutputOption = Output.TEXT,
    namespace: options.Namespace = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Send one request to the model, and show its outputs. With --revision, to a revision's own Service."""
    if (json_file is None) == (image is None):
        raise typer.BadParameter("give one of --json and --image")
    document = _read(json_file) if json_file else None

    async def command(cluster: Cluster) -> None:
        await cluster.model(name)  # for the word that there is none
        service = revision or name
        signature = await predicting.signature(cluster, service, name)
        if image:
            tensor, told = picture_tensor(image, image_input(signature, brightest))
            Console(stderr=True, highlight=False).print(Text(told), soft_wrap=True)
            request = {"inputs": [tensor]}
        else:
            request = request_of(document, signature)
        answer = await predicting.infer(cluster, service, name, request)
        if output is Output.JSON:
            print_json(answer)
        else:
            screen().print(prediction(answer))

    on_cluster(options.flags_of(namespace, context, kubeconfig), command)


def _read(path: Path) -> object:
    try:
        return json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except (OSError, ValueError) as error:
        raise ProblemError(f"{path} is no JSON that can be read: {error}") from error
