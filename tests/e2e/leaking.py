"""A leak of memory in the shipped server, by a user's own means: a module that Python imports by itself when it starts.

`spec.podTemplate` mounts it from a ConfigMap and names its folder in PYTHONPATH. It keeps some memory for each run of
the model, as a library with a leak does.
"""

from tests.e2e.kubectl import Object

NAME = "leak"
FOLDER = "/etc/leak"
KEPT = 256 * 1024
"""Bytes that each run leaves behind."""

MODULE = f"""\
from onnxruntime import InferenceSession

kept = []


def leaking(run):
    def leaky(*arguments, **options):
        # Written to, so that it is resident.
        kept.append(b"x" * {KEPT})
        return run(*arguments, **options)

    return leaky


for name in ("run", "run_with_ort_values"):
    setattr(InferenceSession, name, leaking(getattr(InferenceSession, name)))
"""


def config_map() -> Object:
    """Return the ConfigMap that holds the module."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME},
        "data": {"sitecustomize.py": MODULE},
    }


def pod_template() -> Object:
    """Return the `spec.podTemplate` with which the server's Python imports it."""
    return {
        "env": [{"name": "PYTHONPATH", "value": FOLDER}],
        "volumes": [{"name": NAME, "configMap": {"name": NAME}}],
        "volumeMounts": [{"name": NAME, "mountPath": FOLDER, "readOnly": True}],
    }
