"""One request to somebody who is not ours, and its answer within bounds.

Whoever may write ONNXModels says what is asked, so nothing of ours goes along: no credentials of the cluster, no
cookies, no proxy's password; no redirect is followed, and no answer is longer than we can hold.
"""

import json
import logging
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from onnx_operator.control import at_most

LONGEST_ANSWER = 1 << 16  # bytes
# An answer that is packed may be much larger than it looks.
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "onnx-operator"}
REDIRECTS = range(300, 400)

log = logging.getLogger(__name__)


class NoAnswerError(Exception):
    """There is no answer; the text is a sentence that says why, without the name of who was asked."""


def new_session(ca_file: str = "") -> aiohttp.ClientSession:
    """Return a session that takes nothing from one request to the next, and nothing from the environment.

    It trusts the certificates of ``ca_file`` (PEM) beside those that the machine trusts.
    """
    trust = ssl.create_default_context()
    if ca_file:
        try:
            trust.load_verify_locations(ca_file)
        except OSError as error:
            # Nothing else of the operator needs them; who asks by TLS is told that the certificate is not trusted.
            log.error("the CA certificates in %s cannot be read: %s", ca_file, error)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=trust),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def exchange(
    session: aiohttp.ClientSession,
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> tuple[int, object]:
    """Send a POST; return the HTTP status and what the answer's JSON holds, whatever the status.

    ``timeout`` is in seconds, for all of it; ``content`` is aiohttp's ``json`` or ``data``.

    Raises:
        NoAnswerError: no whole answer came in time, or it is a redirect, too long, or no JSON.
    """
    try:
        async with session.post(
            url,
            headers={**PLAIN, **(headers or {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout),
            **content,
        ) as response:
            if response.status in REDIRECTS:
                raise NoAnswerError(f"it answered {response.status}: redirects are not followed.")
            body = await at_most(LONGEST_ANSWER, response)
    except TimeoutError as error:
        raise NoAnswerError(f"it did not answer within {timeout:g} s.") from error
    except ValueError as error:
        raise NoAnswerError(f"{str(error).rstrip('.')}.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswerError(f"it cannot be asked: {error or type(error).__name__}.") from error
    try:
        return response.status, json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError(f"it answered {response.status} with what is no JSON.") from error


def shown(text: object, longest: int) -> str:
    """Return what somebody else said as one short line that can be shown anywhere."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= longest else f"{line[:longest]}…"
