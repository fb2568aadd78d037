"""Asks Prometheus, or what speaks its API, for one number.

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

import asyncio
import math
from pathlib import Path

import aiohttp
from yarl import URL

from onnx_operator.measuring.exchange import NoAnswerError, exchange, shown

TIMEOUT = 5.0  # seconds
# Prometheus gives up a little earlier, and says so.
ITS_TIMEOUT = "4s"
LONGEST_ERROR = 200  # characters
NOT_SET_UP = "the operator knows no Prometheus: set analysis.prometheusUrl of its chart."


class Prometheus:
    """Asks one server for all models. ``url`` is empty where there is none; ``token_file`` holds its bearer token."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token_file: str = "", timeout: float = TIMEOUT
    ) -> None:
        self._session, self._timeout = session, timeout
        self._url = str(URL(url.rstrip("/") + "/api/v1/query")) if url else ""
        self._token_file = Path(token_file) if token_file else None

    async def ask(self, promql: str) -> float:
        """Return the number that a query gives now.

        Raises:
            NoAnswerError: there is no such number.
        """
        if not self._url:
            raise NoAnswerError(NOT_SET_UP)
        headers = {"Authorization": f"Bearer {await _token(self._token_file)}"} if self._token_file else {}
        form = {"query": promql, "timeout": ITS_TIMEOUT}
        status, said = await exchange(self._session, self._url, self._timeout, headers, data=form)
        return number_of(status, said)


async def _token(file: Path) -> str:
    # Read anew each time: tokens are renewed.
    try:
        return (await asyncio.to_thread(file.read_text)).strip()
    except OSError as error:
        raise NoAnswerError(f"the operator's token for Prometheus cannot be read: {error.strerror}.") from error


def number_of(status: int, said: object) -> float:
    """Return the one number that an answer of ``/api/v1/query`` holds.

    Raises:
        NoAnswerError: it is an error, or holds none, several, or NaN.
    """
    if not isinstance(said, dict) or said.get("status") not in {"success", "error"}:
        raise NoAnswerError(f"Prometheus answered {status} with what is no answer of its API.")
    if said["status"] == "error":
        what = shown(f"{said.get('errorType', 'error')}: {said.get('error', '')}", LONGEST_ERROR)
        raise NoAnswerError(f"Prometheus says {what}.")
    data = said.get("data")
    match data:
        case {"resultType": "scalar", "result": [_, str(text)]}:
            value = text
        case {"resultType": "vector", "result": [{"value": [_, str(text)]}]}:
            value = text
        case {"resultType": "vector", "result": []}:
            raise NoAnswerError("the query gives nothing: there are no such series yet, or it asks for the wrong ones.")
        case {"resultType": "vector", "result": [_, _, *_] as several}:
            raise NoAnswerError(f"the query gives {len(several)} numbers: one is needed, e.g. by sum().")
        case {"resultType": "matrix" | "string" as kind}:
            raise NoAnswerError(f"the query gives a {kind}: one number is needed.")
        case _:
            raise NoAnswerError(f"Prometheus answered {status} with what is no answer of its API.")
    try:
        number = float(value)
    except ValueError as error:
        raise NoAnswerError(f"the query gives {shown(value, 20)}, which is no number.") from error
    if math.isnan(number):
        raise NoAnswerError("the query gives NaN: nothing was counted yet, or it divides by 0.")
    return number
