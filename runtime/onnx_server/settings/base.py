"""What all settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

PathSegment = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^/\x00-\x1f\x7f]+$")]
"""A path segment of the protocol: no slash, no control character."""


class Strict(BaseModel):
    """Settings in camelCase. Unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)
