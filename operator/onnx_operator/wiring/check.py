"""Whether an installation works, seen from outside of it: `onnx-operator check`, which `helm test` runs in a pod."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubernetes.aio.client import ApiClient, ApiException, Configuration, CustomObjectsApi

from onnx_operator import names
from onnx_operator.kube.connection import login
from onnx_operator.wiring.replicas import Replica, UnreachableError, ask

ANSWER = 5.0
AGAIN = 1.0
"""Seconds for one answer, and between two looks."""

MODEL = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {"generateName": "check-"},
    "spec": {"model": {"uri": "https://models.example.com/check/model.onnx"}},
}


@dataclass(frozen=True)
class Installation:
    """What is checked: the URL under which all replicas are found, how many there should be, a watched namespace."""

    url: str
    replicas: int
    namespace: str


@dataclass(frozen=True)
class Problem:
    """Something that does not work, and what to do about it."""

    what: str
    remedy: str


Look = Callable[[], Awaitable[Problem | None]]


async def check(installation: Installation, patience: float, say: Callable[[str], object]) -> bool:
    """Check an installation, and say a line for each thing that works or does not; return whether all does.

    What does not work yet is looked at again until ``patience`` seconds are over for all of it.

    Raises:
        KubeError: there is no cluster to ask.
    """
    cluster = await login()
    looks: dict[str, Look] = {
        f"all {installation.replicas} replicas are ready": lambda: _ready(installation),
        "one replica leads": lambda: _leader(installation),
        f"the API server serves {names.PLURAL}.{names.GROUP}": lambda: _served(cluster),
        f"an {names.KIND} is admitted to namespace {installation.namespace}": lambda: _admitted(
            cluster, installation.namespace
        ),
    }
    deadline = time.monotonic() + patience
    works = True
    for what, look in looks.items():
        problem = await _until(deadline, look)
        works = works and problem is None
        say(f"ok      {what}" if problem is None else f"FAILED  {what}: {problem.what}\n        {problem.remedy}")
    return works


async def _until(deadline: float, look: Look) -> Problem | None:
    while (problem := await look()) is not None and time.monotonic() < deadline:  # noqa: ASYNC110  (others know when)
        await asyncio.sleep(AGAIN)
    return problem


async def _ready(installation: Installation) -> Problem | None:
    try:
        replicas = await ask(installation.url, ANSWER)
    except UnreachableError as error:
        return _unreachable(error)
    return too_few_ready(replicas, installation.replicas)


async def _leader(installation: Installation) -> Problem | None:
    try:
        replicas = await ask(installation.url, ANSWER)
    except UnreachableError as error:
        return _unreachable(error)
    return not_one_leader(replicas)


def _unreachable(error: UnreachableError) -> Problem:
    return Problem(
        str(error),
        "Look at the operator's pods: the Service leads only to ready ones. A NetworkPolicy may also cut this pod off "
        "from port 8080 or from DNS.",
    )


def too_few_ready(replicas: list[Replica], wanted: int) -> Problem | None:
    """Return what is wrong if there are not ``wanted`` replicas, all ready; old ones of a rollout have to be gone."""
    ready = sum(replica.ready for replica in replicas)
    if ready == len(replicas) == wanted:
        return None
    return Problem(
        f"{ready} of {len(replicas)} that answer are ready, and there should be {wanted}",
        "Look at the operator's pods and their logs: it is ready when it could list all that it watches. "
        "A rollout that goes on has more replicas for a while.",
    )


def not_one_leader(replicas: list[Replica]) -> Problem | None:
    """Return what is wrong unless exactly one replica leads."""
    leaders = [replica.address for replica in replicas if replica.leads]
    if len(leaders) == 1:
        return None
    return Problem(
        f"{len(leaders)} of {len(replicas)} do",
        "kubectl get lease in the operator's namespace names the holder; the logs say why nobody takes it.",
    )


async def _served(cluster: Configuration) -> Problem | None:
    async with ApiClient(configuration=cluster) as client:
        try:
            found = await CustomObjectsApi(client).get_api_resources(
                names.GROUP, names.VERSION, _request_timeout=ANSWER
            )
        except ApiException as error:
            return Problem(
                _said(error), "Install the CRD: crds.install=true, or kubectl apply -f crds/onnxmodels.yaml."
            )
        except (OSError, TimeoutError) as error:
            return _no_api_server(error)
    if any(resource.name == names.PLURAL for resource in found.resources):
        return None
    return Problem(
        f"{names.API_VERSION} has no {names.PLURAL}", "Another CRD has that group: apply crds/onnxmodels.yaml."
    )


async def _admitted(cluster: Configuration, namespace: str) -> Problem | None:
    async with ApiClient(configuration=cluster) as client:
        try:
            await CustomObjectsApi(client).create_namespaced_custom_object(
                names.GROUP,
                names.VERSION,
                namespace,
                names.PLURAL,
                MODEL,
                dry_run="All",
                field_validation="Strict",
                _request_timeout=ANSWER,
            )
        except ApiException as error:
            return Problem(_said(error), REMEDIES.get(error.status, REMEDY))
        except (OSError, TimeoutError) as error:
            return _no_api_server(error)
    return None


REMEDY = "Something between us and etcd refuses it: an admission webhook or policy, or a quota. Its message is above."
REMEDIES = {
    403: "This needs the right to create onnxmodels in that namespace, and no policy or quota that refuses them.",
    404: "The CRD or the namespace is not there.",
    422: "The CRD and the operator are of different versions: upgrade the one that is behind.",
    500: "Most often an admission webhook does not answer: the message names it.",
}


def _no_api_server(error: Exception) -> Problem:
    return Problem(f"the API server does not answer ({error or type(error).__name__})", "Look at the cluster.")


def _said(error: ApiException) -> str:
    """Return the API server's own words."""
    try:
        return f"{json.loads(error.body or '')['message']} (HTTP {error.status})"
    except (TypeError, ValueError, KeyError):
        return f"HTTP {error.status} {error.reason}"
