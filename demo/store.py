"""The bucket that the models lie in: an S3 server started here, or one that the person at the terminal owns."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from .errors import DemoError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

ENVIRONMENT: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
)
"""What a Secret for a store may hold; the server's fetch reads the same names."""

PATIENCE: "Final[RetryConfig]" = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}


@dataclass(frozen=True)
class Store:
    """A place in a bucket, `s3://bucket` or `s3://bucket/prefix`, and the variables that open it.

    `file` holds the variables where the demo made them; None where they are the environment's own.
    """

    base: str
    credentials: Mapping[str, str] = field(repr=False)
    file: Path | None = None

    def uri(self, version: int) -> str:
        """Return where a version of the digits model lies, or would lie."""
        return f"{self.base}/digits/{version}/model.onnx"

    def put(self, version: int, file: Path) -> str:
        """Upload a version; return its URI. Raises DemoError when the store refuses."""
        uri = self.uri(version)
        parts = urlsplit(uri)
        given = self.credentials
        config: S3Config = {
            "access_key_id": given["AWS_ACCESS_KEY_ID"],
            "secret_access_key": given["AWS_SECRET_ACCESS_KEY"],
            "region": given.get("AWS_REGION", "us-east-1"),
        }
        if "AWS_SESSION_TOKEN" in given:
            config["session_token"] = given["AWS_SESSION_TOKEN"]
        if "AWS_ENDPOINT_URL" in given:
            config["endpoint"] = given["AWS_ENDPOINT_URL"]
        options: ClientConfig = {"allow_http": given.get("AWS_ENDPOINT_URL", "").startswith("http://")}
        try:
            store = S3Store(parts.netloc, config=config, client_options=options, retry_config=PATIENCE)
            store.put(parts.path.lstrip("/"), file.read_bytes())
        except (BaseError, OSError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise DemoError(f"cannot write {uri}: {reason}\nCheck the bucket and its credentials.") from error
        return uri


def write_environment(file: Path, values: dict[str, str]) -> None:
    """Write variables, NAME=VALUE a line as `kubectl create secret --from-env-file` reads them, for the owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.writelines(f"{name}={value}\n" for name, value in values.items())


def read_environment(file: Path) -> dict[str, str]:
    """Read what `write_environment` wrote."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
