"""Asks a user's webhook what it thinks of a rollout. Only hosts that the operator's settings allow are asked."""

from collections.abc import Iterable, Mapping

import aiohttp
from yarl import URL

from onnx_operator.measure import Hook, Opinion
from onnx_operator.measuring.exchange import NoAnswerError, exchange, shown

LONGEST_MESSAGE = 300  # characters
LONGEST_VALUE = 40
OK = 200


class Webhooks:
    """Asks webhooks. ``hosts`` are ``host`` or ``host:port``, as they stand in URLs; without a port, the scheme's."""

    def __init__(self, session: aiohttp.ClientSession, hosts: Iterable[str]) -> None:
        self._session, self._hosts = session, frozenset(host.lower() for host in hosts)

    async def ask(self, hook: Hook, document: Mapping[str, str | int], at: str) -> Opinion:
        """Return what a webhook says of the rollout that ``document`` tells of; ``at`` is when it was asked.

        Raises:
            NoAnswerError: it may not be asked, or gives no answer as docs/analysis.md has it.
        """
        if problem := self.refusal(hook.url):
            raise NoAnswerError(problem)
        content = {"check": hook.name, **document}
        status, said = await exchange(self._session, hook.url, float(hook.timeout), json=content)
        if status != OK:
            raise NoAnswerError(f"it answered {status}.")
        return opinion_of(said, at)

    def refusal(self, url: str) -> str | None:
        """Return why a URL may not be asked; None if it may."""
        try:
            parsed = URL(url)
            host, port = parsed.raw_host, parsed.port
        except ValueError:
            return "its URL cannot be parsed."
        if parsed.scheme not in {"http", "https"} or not host:
            return "its URL is none of http or https."
        if parsed.user is not None or parsed.password is not None:
            return "its URL must not hold a user or a password."
        name = f"[{host}]" if ":" in host else host.lower()
        named = {f"{name}:{port}"} | ({name} if parsed.is_default_port() else set())
        if named & self._hosts:
            return None
        return f"{min(named, key=len)} may not be asked: add it to analysis.webhookHosts of the operator's chart."


def opinion_of(said: object, at: str) -> Opinion:
    """Return what a webhook's answer says.

    Raises:
        NoAnswerError: it has no verdict, or fields of other types.
    """
    if not isinstance(said, dict):
        raise NoAnswerError("its answer is no JSON object.")
    message, value = said.get("message", ""), said.get("value")
    if (
        not isinstance(message, str | None)
        or isinstance(value, bool)
        or not isinstance(value, str | int | float | None)
    ):
        raise NoAnswerError("its message must be a text, its value a text or a number.")
    match said.get("verdict"):
        case "Pass" | "Fail" | "Unknown" as verdict:
            told = None if value is None else shown(value, LONGEST_VALUE)
            return Opinion(at, verdict, shown(message or "", LONGEST_MESSAGE), told)
    raise NoAnswerError('its answer has no "verdict" that is "Pass", "Fail" or "Unknown".')
