"""What a running operator is told by its command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the process; all durations in seconds.

    ``namespaces`` is empty for all of the cluster. ``own_namespace`` holds the Secret with the signing key, and the
    Lease.

    Raises:
        ValueError: durations that could let two replicas write at the same time.
    """

    server_image: str
    own_namespace: str
    namespaces: tuple[str, ...] = ()
    signing_secret: str = "onnx-operator-signing-key"  # noqa: S105  (a name)
    workers: int = 8
    resync: float = 600.0
    request_timeout: float = 5.0
    lease: str = "onnx-operator"
    lease_duration: float = 15.0
    drain: int = 5
    http_port: int = 8080
    debug_port: int = 8081
    log_level: str = "INFO"
    log_format: str = "json"

    def __post_init__(self) -> None:
        """Hold the durations to each other: docs/adr/0003-lease.md says why."""
        if self.lease_duration < 2:
            raise ValueError("--lease-duration must be at least 2 seconds")
        # Half of the Lease is the holder's; two looks of a fifteenth each (at most a second) are the next one's.
        gap = self.lease_duration / 2 - 2 * min(1.0, self.lease_duration / 15)
        if self.request_timeout >= gap:
            raise ValueError(
                f"--request-timeout {self.request_timeout:g} must be below {gap:g} with --lease-duration "
                f"{self.lease_duration:g}: a write on its way must have ended before another replica takes over"
            )
