"""Settings of what the server tells of itself: metrics, logs, traces."""

from typing import Literal

from pydantic import Field

from onnx_server.settings.base import Strict

LogLevel = Literal["debug", "info", "warning", "error"]


class MetricsSettings(Strict):
    """Prometheus' metrics."""

    triton_names: bool = Field(
        default=False, description="Give Triton's metrics (nv_inference_*) as well, so that its dashboards work."
    )


class LoggingSettings(Strict):
    """Logs on standard error. `--log-format` chooses between JSON and text."""

    level: LogLevel = Field(default="info", description="The least level that is logged.")
    requests: Literal["Failed", "All"] | None = Field(
        default=None, description="Log a line for each failed, or each, inference request; null: for none."
    )
    sample_ratio: float = Field(
        default=1.0, ge=0, le=1, description="With All: the share of successful requests that is logged."
    )


class TracingSettings(Strict):
    """OpenTelemetry. Where spans go, and which, is said by the standard OTEL_* environment variables."""

    enabled: bool = Field(default=False, description="Export a span of each inference request by OTLP over HTTP.")
