"""The server's configuration file, `server.yaml`: types, defaults, and errors that name the field.

It is half of the contract with the operator (docs/contract.md); `onnx-server schema` prints its JSON schema.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from onnx_server.failures import Failure, Reason

ExecutionProvider = Literal["TensorRT", "CUDA", "CPU"]
# A path segment of the protocol: no slash, no control character.
PathSegment = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^/\x00-\x1f\x7f]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class ModelSettings(_Strict):
    """What the model is called in the protocol."""

    name: PathSegment | None = Field(
        default=None, description="The name in the protocol's paths; the model file's name without .onnx if left out."
    )
    version: PathSegment = Field(default="1", description="Answered as model_version.")


class ServerSettings(_Strict):
    """The whole of `server.yaml`."""

    model: ModelSettings = Field(default_factory=ModelSettings)
    execution_providers: list[ExecutionProvider] = Field(
        default=["CPU"],
        min_length=1,
        description="Ordered. What runs is what is asked: the server exits if one of them cannot run here, "
        "and nodes run on the CPU only if CPU is listed.",
    )
    max_batch_size: int | None = Field(
        default=None, ge=1, description="Requests with more rows (the first, dynamic dimension) are refused with 400."
    )
    drain_seconds: int = Field(
        default=5, ge=0, le=3600, description="How long the server serves on after SIGTERM, already unready. Seconds."
    )
    max_body_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1, description="Largest request body, also after decompression. Bytes."
    )

    @field_validator("execution_providers")
    @classmethod
    def _each_once(cls, value: list[ExecutionProvider]) -> list[ExecutionProvider]:
        if len(set(value)) != len(value):
            msg = f"each execution provider may be listed once, got {value}"
            raise ValueError(msg)
        return value


def load(path: Path) -> ServerSettings:
    """Read and check a `server.yaml`. Raises Failure InvalidConfig that names the file and every bad field."""
    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise Failure(Reason.INVALID_CONFIG, f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Failure(Reason.INVALID_CONFIG, f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        message = f"{path}: expected a mapping of settings, got {type(document).__name__}"
        raise Failure(Reason.INVALID_CONFIG, message)
    try:
        return ServerSettings.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(_problem(item) for item in error.errors(include_url=False))
        raise Failure(Reason.INVALID_CONFIG, f"{path}: {problems}") from error


def _problem(item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{field}: no such setting"
    return f"{field}: {item['msg']}, got {item['input']!r}"


def schema() -> dict[str, Any]:
    """Return the JSON schema of `server.yaml`."""
    document = ServerSettings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "server.yaml"}
