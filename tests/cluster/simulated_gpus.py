"""GPUs that are not there, on a node that is: a device plugin, as a GPU vendor's, that tells the kubelet of devices.

The kubelet counts them as the node's, admits pods by them and gives each container its own; the scheduler places pods
by the node's word. All that is real. The devices are not: a container finds the names of its own in its environment.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final

import grpc

from .errors import ClusterError
from .paths import RunDir

RESOURCE: Final = "nvidia.com/gpu"
VARIABLE: Final = "SIMULATED_GPUS"
"""The environment variable of a container that names its devices, with commas."""

ENDPOINT: Final = "simulated-gpus.sock"
VERSION: Final = "v1beta1"
LIMIT: Final = 10.0
# The client of the kubelet is told that the name of a socket is no name of a host.
OPTIONS: Final = [("grpc.default_authority", "localhost")]


class SimulatedGpus:
    """So many GPUs on the node of a running cluster, from entering to leaving the ``with`` block."""

    def __init__(self, run: RunDir, count: int) -> None:
        self._place, self._count, self._ended = run.device_plugins, count, False
        self._changed = threading.Condition()
        self._messages, services = grpc.protos_and_services("tests/cluster/device_plugin.proto")
        self._services: Any = services
        # One for the kubelet's watch of the devices, the others for what it asks meanwhile.
        self._server = grpc.server(ThreadPoolExecutor(4))

    def __enter__(self) -> "SimulatedGpus":
        self._services.add_DevicePluginServicer_to_server(self, self._server)
        socket = self._place / ENDPOINT
        socket.unlink(missing_ok=True)
        self._server.add_insecure_port(f"unix:{socket}")
        self._server.start()
        try:
            self._register()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def set(self, count: int) -> None:
        """Have so many GPUs from now on; pods keep what they have. The node says so after up to ten seconds."""
        with self._changed:
            self._count = count
            self._changed.notify_all()

    def _register(self) -> None:
        request = self._messages.RegisterRequest(version=VERSION, endpoint=ENDPOINT, resource_name=RESOURCE)
        with grpc.insecure_channel(f"unix:{self._place / 'kubelet.sock'}", OPTIONS) as channel:
            try:
                self._services.RegistrationStub(channel).Register(request, timeout=LIMIT)
            except grpc.RpcError as error:
                raise ClusterError(f"the kubelet does not take the simulated GPUs: {error}") from None

    def _stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.stop(LIMIT).wait()
        (self._place / ENDPOINT).unlink(missing_ok=True)

    def _next(self, told: int) -> int | None:
        """Wait for another count than the one that was told; None when it ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._count != told)
            return None if self._ended else self._count

    # What the kubelet calls; gRPC finds the methods by these names.

    def GetDevicePluginOptions(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer that the kubelet needs to ask nothing but the rest."""
        return self._messages.Empty()

    def ListAndWatch(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Tell the devices, and again when there are others."""
        told = -1
        while (count := self._next(told)) is not None:
            devices = [self._messages.Device(ID=f"simulated-{n}", health="Healthy") for n in range(count)]
            yield self._messages.Devices(devices=devices)
            told = count

    def Allocate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the containers which devices they have."""
        taken = [",".join(container.devices_ids) for container in request.container_requests]
        made = [self._messages.Allocated(envs={VARIABLE: devices}) for devices in taken]
        return self._messages.AllocateResponse(container_responses=made)
