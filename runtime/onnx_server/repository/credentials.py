"""How a store is asked: with which of the three kinds of credentials, over http or https, and how patiently.

obstore reads a store's own variables (AWS_*, GOOGLE_*, AZURE_*) from the environment by itself.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

from onnx_server import __version__
from onnx_server.failures import Failure, Reason
from onnx_server.repository.uri import ModelURI, StoreKind

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig, S3Config

ObjectStore = AzureStore | GCSStore | HTTPStore | S3Store
Access = Literal["Declared", "Anonymous", "Ambient"]

# Any one of these in the environment means that somebody gave credentials on purpose.
_DECLARED_BY: dict[StoreKind, tuple[str, ...]] = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ),
    "gs": (
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SKIP_SIGNATURE",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_SKIP_SIGNATURE",
    ),
}
_EXPECTED = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_SERVICE_ACCOUNT_KEY",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


def accesses(kind: StoreKind, environment: Mapping[str, str]) -> tuple[Access, ...]:
    """Return how to ask the store, in order.

    Without declared credentials: first without any (a public bucket), then with those of the machine or workload
    identity, from the cloud's metadata service. Asking that first would take long where there is none.
    """
    if kind == "http":
        return ("Anonymous",)
    if any(environment.get(name) for name in _DECLARED_BY[kind]):
        return ("Declared",)
    return ("Anonymous", "Ambient")


def remedy(kind: StoreKind, access: Access) -> str:
    """Return what a person can do about a refused access."""
    if kind == "http":
        return "use a URL that needs no login (a pre-signed one does not), or another store"
    if access == "Declared":
        return "check the Secret in spec.model.credentials and what it may read"
    return f"there are no credentials: name a Secret with {_EXPECTED[kind]} in spec.model.credentials"


def open_store(uri: ModelURI, access: Access, timeout: float) -> ObjectStore:
    """Return the store that holds `uri`. Raises Failure when the environment does not describe one."""
    client: ClientConfig = {
        "allow_http": _is_plain_http(uri),
        "connect_timeout": timedelta(seconds=min(timeout, 10)),
        # The download watches the progress itself; this one would end any request that merely takes long.
        "timeout": timedelta(days=7),
        "user_agent": f"onnx-server/{__version__}",
    }
    ambient = access == "Ambient"
    retry: RetryConfig = {
        "max_retries": 1 if ambient else 3,
        "retry_timeout": timedelta(seconds=5 if ambient else timeout),
        "backoff": {
            "init_backoff": timedelta(milliseconds=200),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    try:
        match uri.kind:
            case "s3":
                s3: S3Config | None = {"skip_signature": True} if access == "Anonymous" else None
                return S3Store(uri.container, config=s3, client_options=client, retry_config=retry)
            case "gs":
                gcs: GCSConfig | None = {"skip_signature": True} if access == "Anonymous" else None
                return GCSStore(uri.container, config=gcs, client_options=client, retry_config=retry)
            case "az":
                azure: AzureConfig | None = {"skip_signature": True} if access == "Anonymous" else None
                return AzureStore(uri.container, config=azure, client_options=client, retry_config=retry)
            case _:
                return HTTPStore.from_url(uri.container, client_options=client, retry_config=retry)
    except Exception as error:  # obstore raises its own types, built-in ones and plain Exception here
        message = f"cannot open the store of {uri.shown}: {_first_line(error)}; {remedy(uri.kind, access)}"
        raise Failure(Reason.ACCESS_DENIED, message) from error


def _is_plain_http(uri: ModelURI) -> bool:
    if uri.kind == "http":
        return True
    endpoints = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT")
    allowed = ("AWS_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "AZURE_ALLOW_HTTP")
    return any(os.environ.get(name, "").startswith("http://") for name in endpoints) or any(
        os.environ.get(name, "").lower() in {"1", "true"} for name in allowed
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
