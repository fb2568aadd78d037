"""Calls to the pods' control port."""

import asyncio
import json
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from onnx_operator import names
from onnx_operator.rollout import SplitOrder, SplitState
from onnx_operator.signing import Signer
from onnx_operator.split_state import split_state

LONGEST_ANSWER = 1 << 20  # bytes
# Inputs that are kept are 8 MiB at most; as JSON they may take some bytes for each.
LONGEST_INPUTS = 1 << 26
# Seconds for all of a call about the split: one pod that hangs must not keep a weight of 0 from the others.
SPLIT_TIMEOUT = 1.0
# Calls about splits under way at a time. Their time-out begins when they do.
SPLITS_AT_ONCE = 256
MOST_COMPLAINTS = 10_000

OK, BAD_REQUEST, NOT_FOUND, CONFLICT = 200, 400, 404, 409

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a copy, as the body of an inference request.

    ``header_length`` is the value of ``inference-header-content-length`` of the binary form; None in JSON.
    """

    body: bytes
    header_length: str | None


class ControlClient:
    """Asks pods by their addresses, with a token for each. ``timeout`` is in seconds."""

    def __init__(self, signer: Signer, timeout: float = 2.0, split_timeout: float = SPLIT_TIMEOUT) -> None:
        self._signer = signer
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._split_timeout = aiohttp.ClientTimeout(total=split_timeout)
        # A wait for a free connection would count as the pod's.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._splits = asyncio.Semaphore(SPLITS_AT_ONCE)
        # What was complained of, so that a pod which is asked every second is not complained of every second.
        self._complaints: set[tuple[str, str]] = set()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def facts(self, pod_ip: str, pod_uid: str) -> dict[str, Any] | None:
        """Return the server's facts as in docs/contract.md; None if it does not answer, which is no error.

        A pod that does not answer stops nothing: what it would say is asked again later.
        """
        status, body = await self._call("GET", "/v1/facts", pod_ip, pod_uid, self._timeout)
        return body if status == OK else None

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        """Return what the pod says of its split; None if it does not answer as docs/contract.md has it."""
        async with self._splits:
            status, body = await self._call("GET", "/v1/split", pod_ip, pod_uid, self._split_timeout)
        return split_state(body, pod_uid) if status == OK else None

    async def set_split(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        """Tell the pod its split; return what it says then, which is another order's state if that was a later one.

        None if it does not answer as docs/contract.md has it: it may have taken the order or not. A server older than
        analysis refuses what it does not know of an order, and is told the rest.
        """
        async with self._splits:
            status, body = await self._put(pod_ip, pod_uid, order)
        if status == BAD_REQUEST and (order.course or order.shadow):
            state = await self.split(pod_ip, pod_uid)
            if state is not None and state.evidence is None:
                async with self._splits:
                    status, body = await self._put(pod_ip, pod_uid, replace(order, course="", shadow=None))
        return split_state(body, pod_uid) if status in {OK, CONFLICT} else None

    async def worst(self, pod_ip: str, pod_uid: str, digest: str) -> Inputs | None:
        """Return the inputs of a copy whose outputs differed most; None if it has not kept them or does not answer.

        ``digest`` is ``sha256:<hex>``.
        """
        url, request = self._request("GET", f"/v1/shadow/worst/{digest}", pod_ip, pod_uid, self._timeout)
        try:
            async with request as response:
                body = await at_most(LONGEST_INPUTS, response)
                if response.status == OK:
                    return Inputs(body, response.headers.get("inference-header-content-length"))
                if response.status != NOT_FOUND:
                    self._complain(pod_uid, url, "answered %s: %.200s", response.status, body)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            self._complain(pod_uid, url, "does not answer: %s", error or type(error).__name__)
        return None

    async def _put(self, pod_ip: str, pod_uid: str, order: SplitOrder) -> tuple[int, dict[str, Any] | None]:
        return await self._call("PUT", "/v1/split", pod_ip, pod_uid, self._split_timeout, order.to_json(), (CONFLICT,))

    async def _call(
        self,
        method: str,
        path: str,
        pod_ip: str,
        pod_uid: str,
        timeout: aiohttp.ClientTimeout,
        content: dict[str, Any] | None = None,
        expected: tuple[int, ...] = (),
    ) -> tuple[int, dict[str, Any] | None]:
        """Return the HTTP status and the object that was answered; 0 and None if there is none."""
        url, request = self._request(method, path, pod_ip, pod_uid, timeout, content)
        try:
            async with request as response:
                body = json.loads(await at_most(LONGEST_ANSWER, response))
                if response.status not in {OK, *expected} or not isinstance(body, dict):
                    self._complain(pod_uid, url, "answered %s: %.200s", response.status, body)
                else:
                    self._complaints.discard((pod_uid, url))
                return response.status, body if isinstance(body, dict) else None
        except (TimeoutError, aiohttp.ClientError, ValueError, RecursionError) as error:
            self._complain(pod_uid, url, "does not answer: %s", error or type(error).__name__)
        return 0, None

    def _request(
        self,
        method: str,
        path: str,
        pod_ip: str,
        pod_uid: str,
        timeout: aiohttp.ClientTimeout,
        content: dict[str, Any] | None = None,
    ) -> tuple[str, AbstractAsyncContextManager[aiohttp.ClientResponse]]:
        """Return the URL and the request that is about to be made of it, with a token for this pod."""
        host = f"[{pod_ip}]" if ":" in pod_ip else pod_ip
        url = f"http://{host}:{names.CONTROL_PORT}{path}"
        headers = {"Authorization": f"Bearer {self._signer.token(pod_uid)}"}
        # What runs in the pod may be anybody's: it sends us nowhere else, and not more than we can hold.
        return url, self._session.request(
            method, url, headers=headers, json=content, allow_redirects=False, timeout=timeout
        )

    def _complain(self, pod_uid: str, url: str, text: str, *values: object) -> None:
        level = logging.DEBUG if (pod_uid, url) in self._complaints else logging.WARNING
        log.log(level, f"pod %s (%s) {text}", pod_uid, url, *values)
        if len(self._complaints) >= MOST_COMPLAINTS:
            self._complaints.clear()
        self._complaints.add((pod_uid, url))


async def at_most(limit: int, response: aiohttp.ClientResponse) -> bytes:
    """Return a response's body.

    Raises:
        ValueError: it is longer than ``limit`` bytes.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ValueError(f"the answer is longer than {limit} bytes")
    return bytes(body)
