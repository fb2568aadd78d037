"""The whole of `server.yaml`: types, defaults, errors that name the field; its schema is `onnx-server schema`."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from onnx_server.failures import Failure, Reason
from onnx_server.settings.base import PathSegment, Strict
from onnx_server.settings.model import ModelSettings


class ServedModel(Strict):
    """What the model is called in the protocol, where one is served."""

    name: PathSegment | None = Field(
        default=None, description="The name in the protocol's paths; the model file's name without .onnx if left out."
    )
    version: PathSegment = Field(default="1", description="Answered as model_version.")


class ServerSettings(ModelSettings):
    """The whole of `server.yaml`."""

    model: ServedModel = Field(default_factory=ServedModel)
    models: dict[PathSegment, ModelSettings] = Field(
        default={}, description="By name, what differs for one model of a repository. A field here replaces it whole."
    )
    drain_seconds: int = Field(
        default=5, ge=0, le=3600, description="How long the server serves on after SIGTERM, already unready. Seconds."
    )
    max_body_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1, description="Largest request body, also after decompression. Bytes."
    )

    @model_validator(mode="after")
    def _options_of_asked_providers(self) -> "ServerSettings":
        everywhere = {*self.execution_providers, *(p for own in self.models.values() for p in own.execution_providers)}
        asked = [("providerOptions", self.provider_options, everywhere)]
        asked += [
            (f"models.{name}.providerOptions", own.provider_options, set(self.for_model(name).execution_providers))
            for name, own in self.models.items()
        ]
        for field, options, providers in asked:
            for provider in options.given:
                if provider not in providers:
                    message = (
                        f"{field}.{provider}: executionProviders has {', '.join(sorted(providers))} only: "
                        f"add {provider} there, or remove its options"
                    )
                    raise ValueError(message)
        return self

    def for_model(self, name: str) -> ModelSettings:
        """Return how the model `name` is run: the settings of all models, and over them its own."""
        common = ModelSettings.model_construct(**{field: getattr(self, field) for field in ModelSettings.model_fields})
        own = self.models.get(name)
        if own is None:
            return common
        return common.model_copy(update={field: getattr(own, field) for field in own.model_fields_set})


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
    if not field:
        return str(item["ctx"]["error"]) if item["type"] == "value_error" else str(item["msg"])
    if item["type"] == "extra_forbidden":
        return f"{field}: no such setting"
    return f"{field}: {item['msg']}, got {item['input']!r}"


def schema() -> dict[str, Any]:
    """Return the JSON schema of `server.yaml`."""
    document = ServerSettings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "server.yaml"}
