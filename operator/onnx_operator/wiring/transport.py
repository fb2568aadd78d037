"""kopf as the transport: it watches the models, in a thread and loop of its own, and hands every event to the inbox."""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import kopf

from onnx_operator import names
from onnx_operator.kube.client import SILENCE
from onnx_operator.kube.connection import login
from onnx_operator.kube.kinds import MODEL, Kind
from onnx_operator.settings import Settings

Object = dict[str, Any]
Inbox = Callable[[Kind, str | None, Object], None]

log = logging.getLogger(__name__)

CHUNK = 250
FIRST_RESTART = 1.0
LONGEST_RESTART = 30.0
# Watching for so long means that what ended it is not what ended it before.
SETTLED = 60.0
# A first list that tells of no model has been read within so many seconds.
FIRST_LIST = 5.0
# A loop that has not turned for so many seconds is stuck; a restart of it waits LONGEST_RESTART at most.
STUCK = 90.0


class NoMemory(kopf.DiffBaseStorage):
    """kopf copies each object to find out what has changed in it since it was handled. Nobody asks it here."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Return nothing, as the essence of an object."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return that the object was never handled."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing to the object."""


class Transport:
    """Watches the models.

    ``inbox`` is called in kopf's thread with (kind, event type, object), ``on_begin`` whenever the watches have begun,
    each after a list of its own: what was deleted before that list, no event will tell.
    """

    def __init__(self, settings: Settings, inbox: Inbox, on_begin: Callable[[], None]) -> None:
        self._settings, self._inbox, self._on_begin = settings, inbox, on_begin
        self._stop, self._interrupt, self._watching = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._started = False
        self._turned_at = time.monotonic()

    def start(self) -> None:
        """Begin to watch; if watches run already, begin anew: kopf asks only once which kinds are served."""
        if self._started:
            self._interrupt.set()
            return
        self._started = True
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop watching; wait at most ``timeout`` seconds."""
        self._stop.set()
        self._interrupt.set()
        if self._started:
            self._thread.join(timeout)

    def is_watching(self) -> bool:
        """Return whether the watches were begun, and nothing has ended them since."""
        return self._watching.is_set()

    def is_alive(self) -> bool:
        """Return whether the watching thread runs, if it should, and its loop turns."""
        if not self._started:
            return True
        return self._thread.is_alive() and time.monotonic() - self._turned_at < STUCK

    def _run(self) -> None:
        # kopf makes an identity of the user's name, and a numeric user has no entry in /etc/passwd to take it from.
        os.environ.setdefault("LOGNAME", names.FIELD_MANAGER)
        # kopf ends at any watch error but 410 (an API server that restarts is enough), so it is run again and again,
        # each time in a loop of its own.
        delay = FIRST_RESTART
        while True:
            self._interrupt.clear()
            self._turned_at = time.monotonic()
            if self._stop.is_set():
                return
            began = time.monotonic()
            try:
                asyncio.run(self._watch())
            except Exception as error:  # noqa: BLE001  (whatever ends the watching, it must begin again)
                log.warning("watching ended, again in %.0f s: %s", delay, error or type(error).__name__)
            self._watching.clear()
            if time.monotonic() - began > SETTLED:
                delay = FIRST_RESTART
            self._stop.wait(delay)
            delay = min(LONGEST_RESTART, delay * 2)

    async def _watch(self) -> None:
        # A flag of this loop's: for one of threads kopf waits in a thread, and the loop could not end before it is set.
        ended, listed = asyncio.Event(), asyncio.Event()
        parts = (self._say_when_begun(listed), self._turn(), self._interrupts(ended))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await kopf.operator(
                registry=registry(self._noting(listed)),
                settings=kopf_settings(self._settings),
                clusterwide=not self._settings.namespaces,
                namespaces=self._settings.namespaces,
                standalone=True,
                ready_flag=self._watching,
                stop_flag=ended,
            )
        finally:
            self._watching.clear()
            for task in tasks:
                task.cancel()

    async def _interrupts(self, ended: asyncio.Event) -> None:
        while not self._interrupt.is_set():  # noqa: ASYNC110  (a flag of threads: others set it)
            await asyncio.sleep(0.1)
        ended.set()

    async def _turn(self) -> None:
        while True:
            self._turned_at = time.monotonic()
            await asyncio.sleep(1)

    async def _say_when_begun(self, listed: asyncio.Event) -> None:
        while not self._watching.is_set():  # noqa: ASYNC110  (a flag of threads: others ask for it)
            await asyncio.sleep(0.1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listed.wait(), FIRST_LIST)
        self._on_begin()

    def _noting(self, listed: asyncio.Event) -> Inbox:
        """Return the inbox, with a note of when the first list of each namespace has been read."""
        missing = set(self._settings.namespaces)

        def inbox(kind: Kind, event: str | None, obj: Object) -> None:
            if event is None:  # so kopf tells what was listed
                missing.discard(obj["metadata"]["namespace"])
                if not missing:
                    listed.set()
            self._inbox(kind, event, obj)

        return inbox


def kopf_settings(settings: Settings) -> kopf.OperatorSettings:
    """Return kopf's settings: no writes of its own."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.scanning.disabled = True
    made.persistence.diffbase_storage = NoMemory()
    made.networking.request_timeout = settings.request_timeout
    made.watching.chunk_size = CHUNK
    # An API server that comes back is noticed within seconds; after the last one kopf ends, and is begun again.
    made.networking.error_backoffs = (1, 2, 3, 5, 5, 5, 5, 5)
    made.watching.server_timeout = 300
    # Bookmarks come every minute; who says nothing for longer is not there any more.
    made.watching.inactivity_timeout = SILENCE
    made.watching.reconnect_backoff = 1.0
    return made


def registry(inbox: Inbox) -> kopf.OperatorRegistry:
    """Return the event handler of the models, and the login. The handler only passes on."""
    made = kopf.OperatorRegistry()
    kopf.on.login(registry=made)(log_in)
    kopf.on.event(MODEL.group, MODEL.version, MODEL.plural, registry=made, id=MODEL.plural)(_handler(MODEL, inbox))
    return made


async def log_in(**kwargs: Any) -> kopf.ConnectionInfo:
    """Log in as the operator's own client does. kopf asks again when its token is refused."""
    configuration = await login()
    scheme, _, token = configuration.api_key.get("BearerToken", "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        scheme=scheme or None,
        token=token or None,
        proxy_url=configuration.proxy,
        trust_env=True,
    )


def _handler(kind: Kind, inbox: Inbox) -> Callable[..., Any]:
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        obj = dict(event["object"])
        inbox(kind, event["type"], {**obj, "apiVersion": kind.api_version, "kind": kind.kind})

    return handle
