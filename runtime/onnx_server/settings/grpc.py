"""Settings of the gRPC port."""

from typing import Literal

from pydantic import Field

from onnx_server.settings.base import Strict

LARGEST_MESSAGE = 2**31 - 1
"""No message of protobuf may be larger."""


class GrpcSettings(Strict):
    """The Open Inference Protocol over gRPC. Limits of all ports hold here too: header, connections, receiving."""

    mode: Literal["On", "Off"] = Field(default="On", description="Off: no gRPC port, which saves memory.")
    max_message_bytes: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_MESSAGE,
        description="Largest request message, also after decompression; that of maxBodyBytes if left out. Bytes.",
    )
    max_concurrent_streams: int = Field(
        default=1024,
        ge=1,
        le=2**31 - 1,
        description="Calls that one connection may have open; more wait at the client.",
    )
    max_connection_age_seconds: int | None = Field(
        default=3600,
        ge=1,
        description="After this time, a tenth more or less, a connection is ended politely, so that clients find new "
        "replicas; unary calls notice nothing, and streams are begun anew. null: never. Seconds.",
    )
