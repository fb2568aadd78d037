"""What a person is told when something does not work: what it is, and what to do about it."""

from onnx_operator import names
from onnx_operator.kube.errors import KubeError, TransientError

RIGHTS = "docs/kubectl-onnx.md lists the rights that each command needs; the chart's ClusterRoles have them."


class ProblemError(Exception):
    """``message`` says what is wrong, ``remedy`` what to do; empty if that is all that can be said.

    ``passing`` if the same may work in a moment.
    """

    def __init__(self, message: str, remedy: str = "", *, passing: bool = False) -> None:
        super().__init__(message)
        self.message, self.remedy, self.passing = message, remedy, passing


def problem_of(error: KubeError, host: str) -> ProblemError:
    """Return what an error of the API server at ``host`` means to a person."""
    match error.status:
        case 0:
            return ProblemError(
                f"The API server at {host} does not answer: {error.message}",
                "Check the network, and --context, --kubeconfig and KUBECONFIG.",
                passing=True,
            )
        case 401:
            return ProblemError(f"The API server at {host} does not know you: {error.message}", "Log in again.")
        case 403:
            return ProblemError(f"You may not do that: {error.message}", RIGHTS)
        case _:
            return ProblemError(f"The API server at {host} says: {error}", passing=isinstance(error, TransientError))


def not_installed(host: str) -> ProblemError:
    """Return the problem that the cluster knows no ONNXModels."""
    return ProblemError(
        f"The cluster at {host} knows no {names.PLURAL}.{names.GROUP}: the operator is not installed there.",
        "helm install onnx-operator charts/onnx-operator --namespace onnx-operator --create-namespace; or is this the "
        "wrong cluster? Look at --context.",
    )


def no_such_model(namespace: str, name: str, there: list[str]) -> ProblemError:
    """Return the problem that a model does not exist; ``there`` names those that do."""
    missing = f"There is no ONNXModel {name!r} in namespace {namespace!r}"
    if there:
        return ProblemError(f"{missing}. There are: {', '.join(sorted(there))}.")
    return ProblemError(f"{missing}, and no other.", "Name another namespace with -n.")


def no_such_revision(name: str, there: list[str]) -> ProblemError:
    """Return the problem that a revision does not exist; ``there`` names those that do."""
    known = f"There are: {', '.join(there)}." if there else "There is none."
    return ProblemError(f"There is no revision {name!r}. {known}", "kubectl onnx history NAME shows them.")
