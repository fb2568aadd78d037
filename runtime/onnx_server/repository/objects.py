"""Models in object stores and on web servers, through obstore."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, UnauthenticatedError

from onnx_server.failures import Failure, Reason
from onnx_server.repository.credentials import Access, ObjectStore, accesses, open_store, remedy
from onnx_server.repository.source import InterruptedContentError, Item
from onnx_server.repository.uri import ModelURI

# Small, so that a slow link still counts as progress.
_CHUNK_BYTES = 256 * 1024
T = TypeVar("T")
_STORE_ERRORS = (BaseError, FileNotFoundError, PermissionError)

# S3's error codes, whatever status a particular server sends with them.
_DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",
    }
)


class ObjectSource:
    """One URI in S3, Google Cloud Storage, Azure Blob Storage or on a web server.

    `timeout` is how long, in seconds, the store may answer nothing.
    """

    def __init__(self, uri: ModelURI, timeout: float) -> None:
        self._uri = uri
        self._timeout = timeout
        self._access: Access = "Declared"
        self._store: ObjectStore | None = None

    async def items(self) -> list[Item]:
        """Find the object, or all below the directory, by the first kind of credentials that the store accepts."""
        first: Failure | None = None
        for access in accesses(self._uri.kind, os.environ):
            self._access, self._store = access, open_store(self._uri, access, self._timeout)
            try:
                return await self._found(self._store)
            except Failure as failure:
                # What the anonymous request heard is the better answer than that there is no metadata service.
                if access != "Ambient" and failure.reason != Reason.ACCESS_DENIED:
                    raise
                first = first or failure
        if first is None:
            raise AssertionError("no way to ask the store")
        raise first

    async def chunks(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the object's content; InterruptedContentError when the connection breaks.

        Where the store names the content's version (ETag), obstore itself takes up a broken connection where it broke.
        """
        if self._store is None:
            raise AssertionError("items() comes first")
        try:
            result = await self._patiently(obstore.get_async(self._store, item.key))
            stream = aiter(result.stream(min_chunk_size=_CHUNK_BYTES))
            while (chunk := await self._patiently(anext(stream, None))) is not None:
                yield bytes(chunk)
        except _STORE_ERRORS as error:
            failure = self._failure(error)
            if failure.reason == Reason.STORE_UNREACHABLE:
                raise InterruptedContentError(failure.message) from error
            raise failure from error

    async def _found(self, store: ObjectStore) -> list[Item]:
        try:
            if self._uri.kind == "http":
                return [Item("", self._uri.file_name, None)]
            if not self._uri.directory:
                return [await self._single(store)]
            found = await self._below(store)
        except _STORE_ERRORS as error:
            raise self._failure(error) from error
        if not found:
            raise Failure(Reason.MODEL_NOT_FOUND, f"there are no objects below {self._uri.shown}: check the path")
        return found

    async def _single(self, store: ObjectStore) -> Item:
        try:
            # Not a HEAD request: its answer has no body, so it could not say which error it is.
            result = await self._patiently(obstore.get_async(store, self._uri.key))
        except FileNotFoundError as error:
            failure = self._failure(error)
            if failure.reason == Reason.MODEL_NOT_FOUND and "NoSuchBucket" not in str(error):
                failure = await self._perhaps_directory(store, failure)
            raise failure from error
        return Item(self._uri.key, self._uri.file_name, result.meta["size"])

    async def _perhaps_directory(self, store: ObjectStore, failure: Failure) -> Failure:
        try:
            below = await self._below(store)
        except _STORE_ERRORS:
            return failure
        if not below:
            return failure
        message = f"there is no object {self._uri.shown}, but there are {len(below)} below it: end the URI with '/'"
        return Failure(Reason.MODEL_NOT_FOUND, message)

    async def _below(self, store: ObjectStore) -> list[Item]:
        items = []
        listing = aiter(obstore.list(store, self._uri.key or None))
        while (page := await self._patiently(anext(listing, None))) is not None:
            for meta in page:
                path = meta["path"].removeprefix(self._uri.key).lstrip("/")
                # Some tools keep an empty object in place of a directory.
                if path and not path.endswith("/"):
                    items.append(Item(meta["path"], path, meta["size"]))
        return items

    async def _patiently(self, awaitable: Awaitable[T]) -> T:
        # Not wait_for: before Python 3.12 it drops a cancellation that comes with the result, and a SIGTERM with it.
        async with asyncio.timeout(self._timeout):
            return await awaitable

    def _failure(self, error: Exception) -> Failure:
        """Type the store's error. Only its code and message are quoted: the rest may hold parts of signatures."""
        shown, text = self._uri.shown, str(error)
        code = _tag("Code", text)
        said = f"{code}: {_tag('Message', text)}" if code else _status(text)
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError)) or code in _DENIED_CODES:
            message = f"the store refused access to {shown} ({said}); {remedy(self._uri.kind, self._access)}"
            return Failure(Reason.ACCESS_DENIED, message)
        gone = isinstance(error, FileNotFoundError) or "status code: 410" in text
        if gone or code in {"NoSuchBucket", "NoSuchKey"}:
            return Failure(Reason.MODEL_NOT_FOUND, f"there is nothing at {shown} ({said}); check bucket and path")
        if isinstance(error, InvalidPathError):
            return Failure(Reason.INVALID_URI, f"{shown} holds a key that cannot be used: {said}")
        return Failure(Reason.STORE_UNREACHABLE, f"cannot read {shown}: {said}")


def _tag(name: str, text: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return found.group(1) if found else ""


def _status(text: str) -> str:
    line = next(iter(text.splitlines()), "")
    if found := re.search(r"status code: (\d+ [A-Za-z ]+)", line):
        return f"the store answered {found.group(1).strip()}"
    if "kind: Connect" in text or "ConnectError" in text:
        detail = re.search(r'(?:message|error): "([^"]+)"', text)
        return (
            f"no connection ({detail.group(1)})" if detail else "no connection; check host, port and network policies"
        )
    return re.sub(r"\?\S*", "?…", line)
