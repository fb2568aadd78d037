"""What a built TensorRT engine depends on beside the model: the GPU's kind and the versions of NVIDIA's libraries.

Asked of the libraries themselves, that are loaded anyway: no package has to be there for it.
"""

import ctypes
from dataclasses import dataclass

from onnx_server.failures import Failure, Reason

# The major version that ONNX Runtime's TensorRT provider is linked with.
_TENSORRT = "libnvinfer.so.10"
_DRIVER = "libcuda.so.1"
# cuda.h, CUdevice_attribute.
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


@dataclass(frozen=True)
class Gpu:
    """One GPU: its compute capability as in "9.0"; the driver's CUDA and TensorRT as NVIDIA's version integers."""

    compute_capability: str
    cuda: str
    tensorrt: str


def probe(device: int) -> Gpu:
    """Ask for the GPU with this index among those that the process sees.

    Raises Failure ExecutionProviderUnavailable where a library or the GPU is missing.
    """
    try:
        driver, tensorrt = ctypes.CDLL(_DRIVER), ctypes.CDLL(_TENSORRT)
    except OSError as error:
        raise _unavailable(str(error)) from error
    _call(driver, "cuInit", 0)
    version, handle = ctypes.c_int(), ctypes.c_int()
    _call(driver, "cuDriverGetVersion", ctypes.byref(version))
    _call(driver, "cuDeviceGet", ctypes.byref(handle), device)
    capability = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        value = ctypes.c_int()
        _call(driver, "cuDeviceGetAttribute", ctypes.byref(value), attribute, handle)
        capability.append(str(value.value))
    return Gpu(".".join(capability), str(version.value), str(tensorrt.getInferLibVersion()))


def _call(driver: ctypes.CDLL, function: str, *arguments: object) -> None:
    status = getattr(driver, function)(*arguments)
    if status != 0:
        raise _unavailable(f"{function} gave {status}")


def _unavailable(problem: str) -> Failure:
    message = f"TensorRT is asked for with an engine cache, and the GPU cannot be asked what it is: {problem}"
    return Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message)
