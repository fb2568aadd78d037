"""The operator's own replicas: which one leads, and what its metrics say."""

from dataclasses import dataclass

from tests.e2e.kubectl import Kubectl, Object, condition, eventually

SELECTOR = "app.kubernetes.io/name=onnx-operator"
RECONCILES = "onnx_operator_reconciles_total"
REQUESTS = "onnx_operator_api_requests_total"
QUEUE = "onnx_operator_queue_depth"


@dataclass(frozen=True)
class Replicas:
    """The pods of the operator; `kubectl` is for its namespace."""

    kubectl: Kubectl

    def ready(self) -> list[Object]:
        """Return the pods that are ready and not on their way out."""
        pods = self.kubectl.list("pods", SELECTOR)
        return [
            pod
            for pod in pods
            if condition(pod, "Ready").get("status") == "True" and "deletionTimestamp" not in pod["metadata"]
        ]

    def leader(self) -> str:
        """Return the name of the pod that holds the Lease; empty if none does, or one that is no longer there."""
        lease = self.kubectl.find("lease", "onnx-operator") or {"spec": {}}
        holder: str = lease["spec"].get("holderIdentity", "").partition("_")[0]
        return holder if holder in {pod["metadata"]["name"] for pod in self.ready()} else ""

    def metrics(self, pod: str) -> dict[str, float]:
        """Return a pod's metrics, by name and labels as they are written."""
        path = f"/api/v1/namespaces/{self.kubectl.namespace}/pods/{pod}:8080/proxy/metrics"
        lines = (line for line in self.kubectl("get", "--raw", path).splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def wait_leader(self) -> str:
        """Wait until a pod leads; return its name."""
        found: str = eventually("a replica of the operator leads", self.leader)
        return found

    def reconciled(self, pod: str, more_than: float = -1) -> float:
        """Wait until a pod has finished more than so many reconciles and has nothing to do; return how many."""

        def finished() -> tuple[float] | None:
            metrics = self.metrics(pod)
            total = sum(value for name, value in metrics.items() if name.startswith(f"{RECONCILES}{{"))
            return (total,) if total > more_than and metrics[QUEUE] == 0 else None

        (total,) = eventually(f"{pod} reconciles more than {more_than:.0f} times, and is idle", finished)
        return float(total)

    def refused_reads(self, pod: str) -> dict[str, float]:
        """Return the samples of a pod's reads that were answered with 403; fails if it has read nothing."""
        reads = {
            name: value
            for name, value in self.metrics(pod).items()
            if name.startswith(f"{REQUESTS}{{") and 'method="GET"' in name
        }
        assert any('code="200"' in name for name in reads), f"the metrics of {pod} show its reads"
        return {name: value for name, value in reads.items() if 'code="403"' in name}
