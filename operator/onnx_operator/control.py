"""Calls to the pods' control port."""

import json
import logging
from typing import Any

import aiohttp

from onnx_operator import names
from onnx_operator.signing import Signer

LONGEST_ANSWER = 1 << 20  # bytes

log = logging.getLogger(__name__)


class ControlClient:
    """Asks pods by their addresses, with a token for each. ``timeout`` is in seconds."""

    def __init__(self, signer: Signer, timeout: float = 2.0) -> None:
        self._signer = signer
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def facts(self, pod_ip: str, pod_uid: str) -> dict[str, Any] | None:
        """Return the server's facts as in docs/contract.md; None if it does not answer, which is no error.

        A pod that does not answer stops nothing: what it would say is asked again later.
        """
        host = f"[{pod_ip}]" if ":" in pod_ip else pod_ip
        url = f"http://{host}:{names.CONTROL_PORT}/v1/facts"
        headers = {"Authorization": f"Bearer {self._signer.token(pod_uid)}"}
        try:
            # What runs in the pod may be anybody's: it sends us nowhere else, and not more than we can hold.
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                body = json.loads(await _at_most(LONGEST_ANSWER, response))
                if response.status == 200 and isinstance(body, dict):
                    return body
                log.warning("pod %s (%s) answered %s: %.200s", pod_uid, url, response.status, body)
        except (TimeoutError, aiohttp.ClientError, ValueError, RecursionError) as error:
            log.warning("pod %s (%s) does not answer: %s", pod_uid, url, error or type(error).__name__)
        return None


async def _at_most(limit: int, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ValueError(f"the answer is longer than {limit} bytes")
    return bytes(body)
