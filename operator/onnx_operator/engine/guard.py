"""The last gate before a write, or an order to a pod: only the holder of the Lease gets through."""

from collections.abc import AsyncIterator, Callable

from onnx_operator.apply.split import Tells
from onnx_operator.kube.errors import TransientError
from onnx_operator.kube.kinds import Kind
from onnx_operator.kube.protocol import Kube, Listed, Object
from onnx_operator.rollout import SplitOrder, SplitState


class NotLeaderError(TransientError):
    """This replica does not hold the Lease (any more), so it writes nothing."""

    def __init__(self) -> None:
        super().__init__(0, "this replica does not hold the lease")


class OnlyWhile:
    """Kube whose writes raise NotLeaderError unless ``allowed()`` at that moment."""

    def __init__(self, kube: Kube, allowed: Callable[[], bool]) -> None:
        self._kube, self._allowed = kube, allowed

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See Kube."""
        return await self._kube.get(kind, namespace, name)

    def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        """See Kube."""
        return self._kube.pages(kind, namespace, selector)

    def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        """See Kube."""
        return self._kube.watch(kind, namespace, selector, version)

    async def apply(self, manifest: Object, force: bool = False) -> Object:
        """See Kube."""
        return await self._gate().apply(manifest, force)

    async def apply_new(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._gate().apply_new(manifest)

    async def apply_status(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._gate().apply_status(manifest)

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Object | None:
        """See Kube."""
        return await self._gate().scale(kind, namespace, name, replicas)

    async def create(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._gate().create(manifest)

    async def replace(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._gate().replace(manifest)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """See Kube."""
        await self._gate().delete(kind, namespace, name, uid)

    def _gate(self) -> Kube:
        if not self._allowed():
            raise NotLeaderError
        return self._kube


class TellsOnlyWhile:
    """Orders to pods, which raise NotLeaderError unless ``allowed()`` at that moment."""

    def __init__(self, control: Tells, allowed: Callable[[], bool]) -> None:
        self._control, self._allowed = control, allowed

    async def set_split(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        """See Tells."""
        if not self._allowed():
            raise NotLeaderError
        return await self._control.set_split(pod_ip, pod_uid, order)
