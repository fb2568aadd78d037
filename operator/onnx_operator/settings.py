"""What a running operator is told by its command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the process; all durations in seconds.

    ``namespaces`` is empty for all of the cluster. ``own_namespace`` holds the Secret with the signing key.
    """

    server_image: str
    own_namespace: str
    namespaces: tuple[str, ...] = ()
    signing_secret: str = "onnx-operator-signing-key"  # noqa: S105  (a name)
    workers: int = 8
    resync: float = 600.0
    # Shorter than what is left of the lease when its holder stops writing: see LeaseTimes.
    request_timeout: float = 5.0
    lease: str = "onnx-operator"
    lease_duration: float = 15.0
    drain: int = 5
    http_port: int = 8080
    debug_port: int = 8081
    log_level: str = "INFO"
    log_format: str = "json"
