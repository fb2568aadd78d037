"""The messages of open_inference.proto and health.proto, as protobuf classes.

They live in a pool of their own: clients' packages register the same names in protobuf's default one, and both may be
in one process.
"""

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS = "descriptors.binpb"


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    data = files(__package__).joinpath(DESCRIPTORS).read_bytes()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    return pool


_POOL = _pool()


def message(name: str) -> Any:
    """Return the class of the message with this full name, such as `inference.ModelInferRequest`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))
