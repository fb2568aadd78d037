"""The operator, by Helm."""

import json

from ..errors import DemoError
from ..names import OPERATOR_NAMESPACE, RELEASE
from ..scene import Scene, made

CHART = "charts/onnx-operator"
LIMIT = 180


def run(scene: Scene) -> None:
    """Install the chart, or bring an earlier installation to these images."""
    scene.narrator.say("One chart: the CRD, the operator, least-privilege RBAC. No mesh, no cert-manager, no Knative.")
    images = made(scene.images)
    values = {
        "image.repository": images.operator,
        "image.tag": images.tag,
        "server.image.repository": images.server,
        "server.image.tag": images.tag,
        # The tag stays the same when the image changes; this makes Helm restart the operator then.
        "podAnnotations.build": images.build,
    }
    look = (
        f"helm history {RELEASE} -n {OPERATOR_NAMESPACE}",
        f"kubectl get pods,events -n {OPERATOR_NAMESPACE}",
        f"kubectl logs -n {OPERATOR_NAMESPACE} deployment/{RELEASE}",
    )
    _check_free(scene)
    scene.shell.run(
        *("helm", "upgrade", "--install", RELEASE, CHART),
        *("--namespace", OPERATOR_NAMESPACE, "--create-namespace"),
        *(word for name, value in values.items() for word in ("--set-string", f"{name}={value}")),
        *("--wait", "--timeout", f"{LIMIT}s", "--hide-notes"),
        look=look,
        limit=LIMIT + 30,
    )
    scene.shell.run("kubectl", "get", "pods", "-n", OPERATOR_NAMESPACE)


def _check_free(scene: Scene) -> None:
    """Raise DemoError when a Helm that is still running, or was killed half-way, holds the release."""
    given = scene.shell.ask("helm", "list", "--pending", "-n", OPERATOR_NAMESPACE, "-o", "json")
    if any(release["name"] == RELEASE for release in json.loads(given or "[]")):
        raise DemoError(
            f"Helm's release {RELEASE} is in the middle of another operation. Wait for it; or, if what ran it was "
            f"killed, remove the release (models and their pods stay) and start again.",
            f"helm uninstall {RELEASE} -n {OPERATOR_NAMESPACE}",
        )
