"""The whole of `server.yaml`: types, defaults, errors that name the field; its schema is `onnx-server schema`."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from onnx_server.failures import Failure, Reason
from onnx_server.settings import environment
from onnx_server.settings.base import PathSegment, Strict
from onnx_server.settings.document import parse
from onnx_server.settings.grpc import GrpcSettings
from onnx_server.settings.model import ModelSettings
from onnx_server.settings.telemetry import LoggingSettings, MetricsSettings, TracingSettings


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
    model_control: Literal["Explicit", "None"] | None = Field(
        default=None,
        description="Explicit: clients may load and unload models by the protocol. None: nobody may. "
        "Left out: Explicit with `--load explicit`, else None.",
    )
    drain_seconds: int = Field(
        default=5, ge=0, le=3600, description="How long the server serves on after SIGTERM, already unready. Seconds."
    )
    max_body_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1, description="Largest request body, also after decompression. Bytes."
    )
    grpc: GrpcSettings = Field(default_factory=GrpcSettings, description="The protocol over gRPC.")
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="Prometheus' metrics.")
    logging: LoggingSettings = Field(default_factory=LoggingSettings, description="Logs on standard error.")
    tracing: TracingSettings = Field(default_factory=TracingSettings, description="OpenTelemetry.")

    max_header_bytes: int = Field(
        default=32 * 1024, ge=1024, description="Largest head of a request: its line and headers. Bytes."
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Open connections of each port. Over it the longest idle one makes room, or a new one gets 503; "
        "of the gRPC port a new one is told to go away.",
    )
    receive_timeout_seconds: int = Field(
        default=60, ge=1, le=86400, description="How long a client may take to send one request. Seconds."
    )
    http_quick_path: Literal["On", "Off"] = Field(
        default="On", description="On: usual inference requests are answered below ASGI. Off: all of them through ASGI."
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


class _FromSources(ServerSettings, BaseSettings):
    """The settings as they are loaded: each variable of the environment over what the file says."""

    model_config = SettingsConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)
    sources: ClassVar[ContextVar[tuple[dict[str, Any], ...]]] = ContextVar("sources")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        *_defaults: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return what was read already, the first before the second: no value comes from anywhere else."""
        return tuple(_Document(settings_cls, document) for document in cls.sources.get())


class _Document(PydanticBaseSettingsSource):
    """A document with the keys of server.yaml."""

    def __init__(self, settings_cls: type[BaseSettings], document: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._document = document

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, its key, and that it is not to be parsed."""
        key = field.alias or field_name
        return self._document.get(key), key, False

    def __call__(self) -> dict[str, Any]:
        """Return the whole document, unknown keys too: they are errors."""
        return self._document


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> ServerSettings:
    """Read and check a `server.yaml`, if there is one, and the variables ONNX_SERVER_*, which come before it.

    Raises Failure InvalidConfig that names the file and every bad field, and every bad variable.
    """
    document = _read(path) if path is not None else {}
    variables = environment.read(ServerSettings, environ)
    if variables.problems:
        raise Failure(Reason.INVALID_CONFIG, "; ".join(variables.problems))
    token = _FromSources.sources.set((variables.document, document))
    try:
        return _FromSources()
    except ValidationError as error:
        problems = [_problem(item, path, variables) for item in error.errors(include_url=False)]
        raise Failure(Reason.INVALID_CONFIG, "; ".join(problems)) from error
    finally:
        _FromSources.sources.reset(token)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise Failure(Reason.INVALID_CONFIG, f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Failure(Reason.INVALID_CONFIG, f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        message = f"{path}: expected a mapping of settings, got {type(document).__name__}"
        raise Failure(Reason.INVALID_CONFIG, message)
    return document


def _problem(item: Any, path: Path | None, variables: environment.Variables) -> str:
    # pydantic adds [key] where it is the key itself that is wrong.
    location = tuple(str(part) for part in item["loc"] if part != "[key]")
    if not location and item["type"] == "value_error":
        # It is about several fields, and names them.
        return f"{path}: {item['ctx']['error']}" if path is not None else str(item["ctx"]["error"])
    origin = variables.origin(location)
    source, within = (str(path), location) if origin is None else origin
    where = f"{source}: {'.'.join(within)}" if within else source
    if item["type"] == "extra_forbidden":
        return f"{where}: no such setting"
    return f"{where}: {item['msg']}, got {item['input']!r}"


def schema() -> dict[str, Any]:
    """Return the JSON schema of `server.yaml`."""
    document = ServerSettings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "server.yaml"}
