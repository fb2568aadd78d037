"""Which cluster and namespace is meant: kubectl's own flags, the kubeconfig, or the pod that this runs in."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from onnx_operator.kube.connection import Connection
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.problems import ProblemError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TIMEOUT = 15.0  # seconds, for each call


@dataclass(frozen=True)
class Flags:
    """kubectl's flags; None where it was not given."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


@asynccontextmanager
async def cluster_of(flags: Flags) -> AsyncIterator[Cluster]:
    """Yield the cluster that is meant, without a request to it.

    Raises:
        ProblemError: there are no credentials, or the kubeconfig is wrong.
    """
    configuration, namespace = await _configured(flags)

    async def login() -> Configuration:
        return (await _configured(flags))[0]

    connection = Connection(login, TIMEOUT)
    await connection.open()
    try:
        yield Cluster(connection, str(configuration.host), flags.namespace or namespace)
    finally:
        await connection.close()


async def _configured(flags: Flags) -> tuple[Configuration, str]:
    """Return the credentials and the namespace of the context. Like kubectl: the pod's only if there is no other."""
    configuration = Configuration()
    path = _kubeconfig(flags)
    if not _exists(path):
        return _in_cluster(configuration, flags, path)
    try:
        loader = await config.load_kube_config(path, flags.context, configuration, persist_config=False)
        context = loader.current_context["context"]
    except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ProblemError(
            f"The kubeconfig {path} does not lead to a cluster: {error}",
            "kubectl config get-contexts shows the contexts there are; choose one with --context.",
        ) from error
    return configuration, str(context.get("namespace") or "default")


def _kubeconfig(flags: Flags) -> str:
    """Return the path of the kubeconfig, or of several, as KUBECONFIG lists them."""
    return flags.kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def _exists(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


def _in_cluster(configuration: Configuration, flags: Flags, path: str) -> tuple[Configuration, str]:
    if flags.kubeconfig or flags.context:
        raise ProblemError(f"There is no kubeconfig {path}.", "Name another with --kubeconfig.")
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise ProblemError(
            f"There is no cluster: no kubeconfig {path}, and this is no pod ({error}).",
            "Name a kubeconfig with --kubeconfig, or set KUBECONFIG.",
        ) from error
    return configuration, SERVICE_ACCOUNT.read_text().strip() if SERVICE_ACCOUNT.exists() else "default"
