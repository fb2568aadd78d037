"""Settings of a model's response cache."""

from pydantic import Field

from onnx_server.settings.base import Strict


class CacheSettings(Strict):
    """Answers kept for requests that come again with the same inputs."""

    max_bytes: int = Field(
        default=0,
        ge=0,
        description="Memory for kept answers, in bytes; the longest unused go first, and none is kept that takes more "
        "than an eighth. 0: no cache. Only for models whose outputs follow from their inputs alone.",
    )
