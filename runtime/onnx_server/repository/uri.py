"""Model URIs: which store, which object, file or directory. Pure: nothing is looked up."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from onnx_server.failures import Failure, Reason

StoreKind = Literal["s3", "gs", "az", "http", "file"]
SUPPORTED = "s3://, gs://, az://, https://, http://, file:// or a path"
_SCHEMES: dict[str, StoreKind] = {
    "s3": "s3",
    "gs": "gs",
    "az": "az",
    "https": "http",
    "http": "http",
    "file": "file",
    "": "file",
}


@dataclass(frozen=True)
class ModelURI:
    """A parsed URI.

    `container` is the bucket, for http the whole URL, for files empty. `key` is the object's key without leading
    slash, for files the path. `directory` says that all below `key` is meant. `shown` may go into messages:
    it has no query (a pre-signed URL's secrets are there).
    """

    kind: StoreKind
    container: str
    key: str
    directory: bool
    shown: str

    @property
    def file_name(self) -> str:
        """The local name of a single file: its own if that ends in .onnx, else `model.onnx`."""
        name = self.key.rstrip("/").rsplit("/", 1)[-1]
        return name if name.endswith(".onnx") and len(name) > len(".onnx") else "model.onnx"


def parse(uri: str) -> ModelURI:
    """Parse a model's URI. Raises Failure InvalidURI that says what is wrong with it."""
    try:
        parts = urlsplit(uri)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError as error:
        raise _invalid(uri, str(error)) from error
    kind = _SCHEMES.get(parts.scheme)
    if kind is None:
        raise _invalid(uri, f"the scheme {parts.scheme!r} is not supported: use {SUPPORTED}")
    if parts.username is not None or parts.password is not None or not port_is_valid:
        raise _invalid(parts.scheme + "://…", "credentials do not belong into a URI: use spec.model.credentials")
    if kind == "file":
        return _file(uri, parts.scheme, parts.netloc, parts.path)
    if not parts.netloc:
        raise _invalid(uri, f"the {'host' if kind == 'http' else 'bucket'} is missing after {parts.scheme}://")
    if kind == "http":
        return _http(uri)
    if parts.query or parts.fragment:
        raise _invalid(uri, "a '?' or '#' in a bucket URI has no meaning: write it as %3F or %23 if the key has it")
    key = unquote(parts.path.lstrip("/"))
    directory = key.endswith("/") or not key
    return ModelURI(kind, parts.netloc, key.rstrip("/"), directory, uri)


def _file(uri: str, scheme: str, netloc: str, path: str) -> ModelURI:
    if scheme and netloc not in {"", "localhost"}:
        raise _invalid(uri, "a file URI has three slashes: file:///path/model.onnx")
    local = unquote(path) if scheme else uri
    if not local:
        raise _invalid(uri, "it is empty")
    return ModelURI("file", "", str(Path(local)), local.endswith("/"), uri)


def _http(uri: str) -> ModelURI:
    parts = urlsplit(uri)
    shown = urlunsplit(parts._replace(query="", fragment=""))
    if parts.path in {"", "/"} or parts.path.endswith("/"):
        raise _invalid(shown, "a directory cannot be listed over http: name one file, or use s3, gs or az")
    url = urlunsplit(parts._replace(fragment=""))
    return ModelURI("http", url, unquote(parts.path.lstrip("/")), directory=False, shown=shown)


def _invalid(shown: str, problem: str) -> Failure:
    return Failure(Reason.INVALID_URI, f"cannot fetch from {shown!r}: {problem}")
