"""The names that the demo gives, and the commands that take its things away."""

from typing import Final

NAMESPACE: Final = "onnx-demo"
OPERATOR_NAMESPACE: Final = "onnx-operator"
RELEASE: Final = "onnx-operator"
MODEL: Final = "digits"
SECRET: Final = "digits-store"

LOCAL_DOWN: Final = "make demo-down"
CURRENT_DOWN: Final = f"kubectl delete namespace {NAMESPACE} && helm uninstall {RELEASE} -n {OPERATOR_NAMESPACE}"
