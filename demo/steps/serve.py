"""Version 1, from `kubectl apply` to a model that answers."""

import shlex

from .. import progress
from ..errors import DemoError
from ..names import MODEL, NAMESPACE, OPERATOR_NAMESPACE, RELEASE, SECRET
from ..scene import Scene, made
from ..store import ENVIRONMENT

SAMPLE = "samples/digits.yaml"
SAMPLE_BASE = "s3://models"
MARK = "app.kubernetes.io/part-of"
MARKED = "onnx-operator-demo"
MANAGED = "app.kubernetes.io/managed-by=onnx-operator"
LIMIT = 120


def run(scene: Scene) -> None:
    """Apply the sample and its Secret; wait until it is served; check that it is the file that was uploaded."""
    shell, store = scene.shell, made(scene.store)
    _fresh_namespace(scene)
    secret = ("kubectl", "create", "secret", "generic", SECRET, "-n", NAMESPACE)
    if store.file:
        shell.run(*secret, f"--from-env-file={store.file}")
    else:
        names = "|".join(name.removeprefix("AWS_") for name in ENVIRONMENT)
        shell.pipe(f"env | grep -E '^AWS_({names})='", shlex.join([*secret, "--from-env-file=/dev/stdin"]))
    if store.base == SAMPLE_BASE:
        shell.run("kubectl", "apply", "-n", NAMESPACE, "-f", SAMPLE)
    else:
        substitute = shlex.join(["sed", f"s|{SAMPLE_BASE}|{store.base}|", SAMPLE])
        shell.pipe(substitute, f"kubectl apply -n {NAMESPACE} -f -")
    if scene.kill_operator:
        scene.narrator.say("The operator's pods are killed right now (--kill-operator); the end has to be the same.")
        pods = ("kubectl", "delete", "pods", "-n", OPERATOR_NAMESPACE, "-l", f"app.kubernetes.io/name={RELEASE}")
        shell.run(*pods, "--grace-period=0", "--force")
    status = progress.wait_for(shell, f"{MODEL} is served", lambda status: status.settled)
    if status.digest != scene.models[1].digest:
        raise DemoError(f"the pods serve {status.digest}, but {scene.models[1].digest} was uploaded")
    scene.narrator.good(f"{status.pods} pods serve the very bytes that were uploaded: {status.digest[:23]}…")
    shell.run("kubectl", "get", "onnxmodel,deployment,pods,service,pdb", "-n", NAMESPACE)


def _fresh_namespace(scene: Scene) -> None:
    """Make the demo's namespace, or empty that of an earlier demo; leave anybody else's alone."""
    shell = scene.shell
    look = ("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found", "-o")
    if not shell.ask(*look, "name"):
        shell.run("kubectl", "create", "namespace", NAMESPACE)
        shell.ask("kubectl", "label", "namespace", NAMESPACE, f"{MARK}={MARKED}")
    elif shell.ask(*look, f"jsonpath={_label()}") != MARKED:
        raise DemoError(
            f"there is a namespace {NAMESPACE} that no demo made (it lacks the label {MARK}={MARKED}).",
            f"kubectl get all -n {NAMESPACE}",
        )
    else:
        scene.narrator.say("An earlier demo was here. Its model goes first, and with it all that was made for it.")
        shell.run("kubectl", "delete", "onnxmodel,secret", "--all", "-n", NAMESPACE)
        kinds = "pods,deployments,replicasets,services,configmaps,controllerrevisions,poddisruptionbudgets"
        gone = ("kubectl", "wait", "--for=delete", kinds, "-l", MANAGED, "-n", NAMESPACE)
        shell.run(*gone, f"--timeout={LIMIT}s", limit=LIMIT + 30)


def _label() -> str:
    return "{.metadata.labels." + MARK.replace(".", r"\.") + "}"
