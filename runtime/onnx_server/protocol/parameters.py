"""The `parameters` of a request, an input and an output: what each means here, and which are refused by name.

Those that nobody knows are ignored, as they are for every model that does not read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from onnx_server.protocol.errors import bad_request, shown

Values = Mapping[str, Any]

_NONE: Values = {}
_SHARED_MEMORY = "shared_memory_"
_RESERVED = "triton_"
_LARGEST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class RequestParameters:
    """What the parameters of a request say.

    `priority` is from 1, the most urgent; 0 is the lowest. `timeout` is in seconds; None for none. `binary_output` is
    the form of outputs that name none.
    """

    priority: int = 0
    timeout: float | None = None
    binary_output: bool = False


_DEFAULT = RequestParameters()
_BINARY = RequestParameters(binary_output=True)


def values(entry: Mapping[str, Any], owner: str) -> Values:
    """Return the parameters of a JSON object, none if it has none. Raises RequestError 400 unless it is an object."""
    found = entry.get("parameters")
    if found is None:
        return _NONE
    if not isinstance(found, dict):
        raise bad_request(f"'parameters' of {owner} must be an object, got {shown(found)}")
    return found


def of_request(given: Values) -> RequestParameters:
    """Read `priority`, `timeout` (microseconds, 0 for none) and `binary_data_output`.

    Raises RequestError 400 for bad values, and for parameters that would change the answer where we cannot heed them:
    those of sequences unless they say nothing, shared memory, and the reserved `triton_...`.
    """
    if not given:
        return _DEFAULT
    if len(given) == 1 and given.get("binary_data_output") is True:
        return _BINARY  # what tritonclient sends unless told otherwise
    owner = "the request"
    for name, value in given.items():
        if name.startswith(_RESERVED):
            raise bad_request(f"the parameter {shown(name)} of {owner}: names with '{_RESERVED}' first are reserved")
        if name.startswith(_SHARED_MEMORY):
            raise _unsupported(name, owner)
        if name in _STATELESS and value not in _STATELESS[name]:
            message = (
                f"the parameter '{name}' of {owner} is {shown(value)}, and this server keeps no state between "
                f"requests: leave it out, or send {_STATELESS[name][0]!r}"
            )
            raise bad_request(message)
    timeout = _count(given, "timeout", "an integer of microseconds") / 1e6
    binary = flag(given, "binary_data_output", owner) or False
    return RequestParameters(_count(given, "priority", "an integer"), timeout or None, binary)


# What clients send for a request that is in no sequence. The first is what the message recommends.
_STATELESS: Mapping[str, tuple[object, ...]] = {
    "sequence_id": (0, ""),
    "sequence_start": (False,),
    "sequence_end": (False,),
}


def binary_size(given: Values, name: str) -> int | None:
    """Return `binary_data_size` of input `name`, in bytes; None without it. Raises RequestError 400."""
    if not given:
        return None
    _refuse_shared_memory(given, f"input '{name}'")
    size = given.get("binary_data_size")
    if size is not None and not is_count(size):
        raise bad_request(f"input '{name}': 'binary_data_size' must be a number of bytes, got {shown(size)}")
    return size


def of_output(given: Values, name: str) -> tuple[bool | None, int]:
    """Return `binary_data` (None if left out) and `classification` (0 for none) of output `name`.

    Raises RequestError 400 for bad values and for shared memory.
    """
    if not given:
        return None, 0
    owner = f"output '{name}'"
    _refuse_shared_memory(given, owner)
    classes = given.get("classification", 0)
    if not is_count(classes):
        message = f"the parameter 'classification' of {owner} must be a number of classes from 0, got {shown(classes)}"
        raise bad_request(message)
    return flag(given, "binary_data", owner), classes


def flag(given: Values, name: str, owner: str) -> bool | None:
    """Return the boolean parameter `name`, None if left out. Raises RequestError 400 for another type."""
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"the parameter '{name}' of {owner} must be true or false, got {shown(value)}")
    return value


def is_count(value: object) -> TypeGuard[int]:
    """Whether `value` is an integer (no boolean) from 0 that 64 bits hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _count(given: Values, name: str, what: str) -> int:
    value = given.get(name, 0)
    if not is_count(value):
        raise bad_request(f"the parameter '{name}' of the request must be {what} from 0, got {shown(value)}")
    return value


def _refuse_shared_memory(given: Values, owner: str) -> None:
    for name in given:
        if name.startswith(_SHARED_MEMORY):
            raise _unsupported(name, owner)


def _unsupported(name: str, owner: str) -> Exception:
    return bad_request(
        f"the parameter {shown(name)} of {owner} is not supported by this server: send and ask for tensors in the body"
    )
