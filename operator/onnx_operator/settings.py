"""What a running operator is told by its command line."""

from dataclasses import dataclass

from yarl import URL


@dataclass(frozen=True)
class Settings:
    """Settings of the process; all durations in seconds.

    ``namespaces`` is empty for all of the cluster. ``own_namespace`` holds the Secret with the signing key, and the
    Lease. ``prometheus_url`` is where the queries of all models are asked, empty for nowhere, with the bearer token in
    ``prometheus_token_file``, if one is named; ``webhook_hosts`` are the only ones that webhooks may have. Of all
    these, the certificates of ``analysis_ca_file`` are trusted, too.

    Raises:
        ValueError: durations that could let two replicas write at the same time, or an address that is none.
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
    prometheus_url: str = ""
    prometheus_token_file: str = ""
    webhook_hosts: tuple[str, ...] = ()
    analysis_ca_file: str = ""
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
        if self.prometheus_url:
            _check_url(self.prometheus_url)
        for host in self.webhook_hosts:
            _check_host(host)


def _check_url(url: str) -> None:
    parsed = _parsed(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.user or parsed.query_string:
        raise ValueError(f"--prometheus-url {url}: must be http(s)://HOST[:PORT][/PATH]")


def _check_host(host: str) -> None:
    parsed = _parsed(f"http://{host}")
    if parsed.raw_authority.lower() != host.lower() or not parsed.host or parsed.user is not None or "*" in host:
        raise ValueError(f"--webhook-hosts {host}: must be HOST or HOST:PORT, as in the URL, without wildcards")


def _parsed(url: str) -> URL:
    """Return the URL; an empty one, which nobody takes, if it is none."""
    try:
        return URL(url)
    except ValueError:
        return URL()
