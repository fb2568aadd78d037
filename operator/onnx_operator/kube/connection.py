"""HTTP to the API server: who we are, where it is, requests and streams. Knows nothing of kinds and verbs.

The kubernetes client reads the configuration (service account or kubeconfig) and keeps its tokens fresh; its own way
of sending a request costs a millisecond of CPU, three times of what it costs here.
"""

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from onnx_operator import __version__
from onnx_operator.kube.errors import KubeError

NO_LIMIT = aiohttp.ClientTimeout(total=None)
RETIRED = 2
READ_BUFFER = 1 << 20  # bytes
# Whoever is refused asks for new credentials, but not more often than this, in seconds.
LOGIN_EVERY = 1.0

Login = Callable[[], Awaitable[Configuration]]


@dataclass(frozen=True)
class Answer:
    """What the API server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class StatusError(Exception):
    """A stream was answered with something else than 200."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


@dataclass(frozen=True)
class _Access:
    configuration: Configuration
    session: aiohttp.ClientSession
    proxy: str | None


class Connection:
    """Requests with the credentials that ``login`` gives. ``timeout`` is in seconds, for each request."""

    def __init__(self, login: Login, timeout: float) -> None:
        self._login, self.timeout = login, timeout
        self._access: _Access | None = None
        self._retired: list[_Access] = []
        self._logging_in = asyncio.Lock()
        self._logged_in_at = float("-inf")

    async def close(self) -> None:
        """Close the connections."""
        for access in (*self._retired, *([self._access] if self._access else [])):
            await access.session.close()

    async def open(self) -> None:
        """Log in, without a request.

        Raises:
            KubeError: there are no credentials.
        """
        await self._log_in()

    async def request(
        self, method: str, path: str, query: Sequence[tuple[str, str]], body: bytes | None, content_type: str
    ) -> Answer:
        """Send a request and read the whole answer. An expired token is replaced, and the request sent again, once.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: there is no answer.
        """
        # One limit for all of it: who gave up the Lease counts on that no write of his takes longer.
        async with asyncio.timeout(self.timeout):
            access = self._access or await self._log_in()
            answer = await self._send(access, method, path, query, body, content_type)
            if answer.status == 401 and (renewed := await self._renewed(access)):
                answer = await self._send(renewed, method, path, query, body, content_type)
        return answer

    async def lines(self, path: str, query: Sequence[tuple[str, str]], silence: float) -> AsyncIterator[bytes]:
        """Send a GET whose answer does not end soon, and yield its lines as they come, without their ends.

        The first, when the answer has begun, is empty. It ends when the server ends it. ``silence`` is for how many
        seconds nothing may come.

        Raises:
            StatusError: the answer is not 200.
            aiohttp.ClientError, TimeoutError, OSError: there is no answer, or it was cut.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=self.timeout, sock_read=silence)
        access = self._access or await self._log_in()
        try:
            async for line in self._lines(access, path, query, timeout):
                yield line
        except StatusError as error:
            if error.answer.status == 401:
                await self._renewed(access)  # for the next try
            raise

    async def _lines(
        self, access: _Access, path: str, query: Sequence[tuple[str, str]], timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[bytes]:
        async with await self._begin(access, "GET", path, query, None, "", timeout) as response:
            if response.status != 200:
                raise StatusError(Answer(response.status, response.headers, await response.read()))
            yield b""
            rest = b""
            async for chunk in response.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line

    async def _send(
        self,
        access: _Access,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: bytes | None,
        content_type: str,
    ) -> Answer:
        begun = await self._begin(access, method, path, query, body, content_type, NO_LIMIT)
        async with begun as response:
            return Answer(response.status, response.headers, await response.read())

    async def _begin(
        self,
        access: _Access,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: bytes | None,
        content_type: str,
        timeout: aiohttp.ClientTimeout,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        configuration = access.configuration
        url = f"{configuration.host}{path}{f'?{urlencode(query)}' if query else ''}"
        headers = {"Accept": "application/json", "User-Agent": f"onnx-operator/{__version__}"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            token = (await configuration.auth_settings()).get("BearerToken", {}).get("value")
        except config.ConfigException as error:  # the token's file is being written
            raise aiohttp.ClientError(str(error)) from error
        if token:
            headers["Authorization"] = token
        return access.session.request(
            method,
            URL(url, encoded=True),
            data=body,
            headers=headers,
            timeout=timeout,
            proxy=access.proxy,
            server_hostname=configuration.tls_server_name,
        )

    async def _renewed(self, refused: _Access) -> _Access | None:
        """Return an access newer than the one that was refused; None if we have asked for one just now."""
        async with self._logging_in:
            if self._access is not refused:
                return self._access
            if time.monotonic() - self._logged_in_at < LOGIN_EVERY:
                return None
            try:
                renewed = await self._log_in()
            except KubeError:
                return None  # the old credentials may be good again, so they are kept
            # Requests on their way end on the old session. Two are enough: who is older than that has ended.
            self._retired.append(refused)
            while len(self._retired) > RETIRED:
                await self._retired.pop(0).session.close()
            return renewed

    async def _log_in(self) -> _Access:
        self._logged_in_at = time.monotonic()
        self._access = _access(await self._login())
        return self._access


async def login() -> Configuration:
    """Return the configuration of the pod's service account, or else of the current kubeconfig context.

    Raises:
        KubeError: there is neither.
    """
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise KubeError(0, f"no cluster: not in a pod, and no kubeconfig ({error})") from error
    return configuration


def _access(configuration: Configuration) -> _Access:
    # Watches hold a connection each, and there are as many as there are kinds and namespaces; the workers are few.
    connector = aiohttp.TCPConnector(limit=0, ssl=RESTClientObject(configuration).ssl_context)
    session = aiohttp.ClientSession(connector=connector, read_bufsize=READ_BUFFER)
    return _Access(configuration, session, configuration.proxy or _environments_proxy(configuration.host))


def _environments_proxy(url: str) -> str | None:
    """Return the proxy that the environment names for this URL. Asked once: aiohttp would look at each request."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
