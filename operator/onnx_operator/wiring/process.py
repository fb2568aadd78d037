"""The operator's process, from start to stop, as one page."""

import asyncio
import contextlib
import functools
import gc
import logging
import signal
import socket
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from onnx_operator.apply.order import Applier
from onnx_operator.apply.repairs import Repairs
from onnx_operator.apply.split import Orders
from onnx_operator.apply.writer import Writer
from onnx_operator.cache import Cache, Key
from onnx_operator.control import ControlClient
from onnx_operator.engine.first_word import FirstWord
from onnx_operator.engine.guard import OnlyWhile, TellsOnlyWhile
from onnx_operator.engine.journal import Journal
from onnx_operator.engine.lead import lead
from onnx_operator.engine.lease import Lease, LeaseTimes
from onnx_operator.engine.queue import Queue
from onnx_operator.engine.reconcile import Reconciler
from onnx_operator.engine.resync import Resync
from onnx_operator.engine.teller import Teller
from onnx_operator.engine.worker import Crew
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.kube.client import connect
from onnx_operator.kube.errors import KubeError
from onnx_operator.kube.kinds import WATCHED, Kind
from onnx_operator.kube.protocol import Kube
from onnx_operator.measuring.exchange import new_session
from onnx_operator.measuring.prometheus import Prometheus
from onnx_operator.measuring.rounds import Measuring
from onnx_operator.measuring.webhook import Webhooks
from onnx_operator.metrics import Metrics
from onnx_operator.observe import Observer
from onnx_operator.settings import Settings
from onnx_operator.signing import Signer, load_signer
from onnx_operator.wiring.endpoints import debug_routes, health_routes, serve
from onnx_operator.wiring.reach import Reach
from onnx_operator.wiring.watches import Watches

RETRY = 5.0  # seconds
COLLECT = (50_000, 20, 100)

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT. An API server that does not answer is waited for, also at the start.

    Raises:
        KubeError: there is neither a pod's service account nor a kubeconfig.
    """
    # What is parsed by the thousand holds no cycles. A collector that looks at all of it after every 700 objects, as by
    # default, took a quarter of the CPU of a start.
    gc.freeze()
    gc.set_threshold(*COLLECT)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    metrics, journal, reach = Metrics(), Journal(), Reach(settings.lease_duration / 2)

    def count(method: str, resource: str, code: int) -> None:
        metrics.request(method, resource, code)
        reach.request(method, resource, code)

    kube = await connect(settings.request_timeout, count)
    cache, queue = Cache(), Queue[Key]()
    lease = Lease(kube, settings.own_namespace, settings.lease, _identity(), LeaseTimes.of(settings.lease_duration))

    def receive(kind: Kind, event: str | None, obj: dict[str, Any]) -> None:
        take = cache.remove if event == "DELETED" else cache.put
        for key in take(kind, obj):
            # Before the first fill the cache is no base for decisions; the fill itself asks for every model.
            if resync.primed.is_set():
                queue.add(key)

    def deliver(kind: Kind, event: str | None, obj: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(receive, kind, event, obj)

    def watches_begin() -> None:
        loop.call_soon_threadsafe(resync.soon)

    watches = Watches(settings, deliver, watches_begin)
    # kopf asks only when it begins which kinds are served, so it begins when they are.
    resync = Resync(kube, cache, queue, settings.namespaces, settings.resync, watches.begin)

    def ready() -> bool:
        # kopf tries again and again for half a minute, and says nothing of it.
        return resync.primed.is_set() and resync.follows and watches.is_watching() and reach.is_reached()

    async def work() -> None:
        signer = await _signer(kube, settings)
        async with (
            contextlib.aclosing(ControlClient(signer)) as control,
            new_session(settings.analysis_ca_file) as session,
        ):
            measuring = Measuring(
                Prometheus(session, settings.prometheus_url, settings.prometheus_token_file).ask,
                Webhooks(session, settings.webhook_hosts).ask,
                queue.add,
                metrics.measurement,
                lambda: lease.held,
                _now,
            )
            observer = Observer(
                cache, control, Defaults(settings.server_image, settings.drain), signer.public_keys(), measuring
            )
            reconciler = _reconciler(kube, cache, queue, control, lease, observer, metrics, settings)
            crew = Crew(queue, reconciler, journal, metrics)
            async with contextlib.aclosing(measuring):
                await lead(lease, resync, crew, settings.workers)

    _gauges(metrics, cache, queue, lease)
    endpoints = [
        await serve(settings.http_port, health_routes(watches.is_alive, ready, metrics)),
        await serve(settings.debug_port, debug_routes(cache, queue, journal, metrics), "127.0.0.1"),
    ]
    tasks = [asyncio.create_task(resync.run()), asyncio.create_task(work())]
    stopped = asyncio.create_task(stop.wait())
    log.info("the operator runs", extra={"namespaces": settings.namespaces or "all"})
    ended, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    log.info("the operator stops")
    for task in (*tasks, stopped):
        task.cancel()
    await asyncio.gather(*tasks, stopped, return_exceptions=True)
    await lease.release()
    for endpoint in endpoints:
        await endpoint.cleanup()
    await asyncio.to_thread(watches.stop, 5.0)
    await kube.close()
    for task in ended - {stopped}:
        task.result()  # a task that ended by itself did so by an error: say which


async def _signer(kube: Kube, settings: Settings) -> Signer:
    """Read or make the signing key, as soon as the API server lets us."""
    while True:
        try:
            return await load_signer(kube, settings.own_namespace, settings.signing_secret)
        except KubeError as error:
            log.error("the signing key can be neither read nor made, again in %.0f s: %s", RETRY, error)
            await asyncio.sleep(RETRY)


def _reconciler(
    kube: Kube,
    cache: Cache,
    queue: Queue[Key],
    control: ControlClient,
    lease: Lease,
    observer: Observer,
    metrics: Metrics,
    settings: Settings,
) -> Reconciler:
    writer = OnlyWhile(kube, lambda: lease.held)
    orders = Orders(TellsOnlyWhile(control, lambda: lease.held))
    return Reconciler(
        writer,
        cache,
        observer,
        Applier(writer, cache, Writer(writer, cache, Repairs(time.monotonic)), orders),
        FirstWord(time.monotonic, lambda: len(queue) > settings.workers),
        Teller(writer, metrics),
        _now,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _gauges(metrics: Metrics, cache: Cache, queue: Queue[Key], lease: Lease) -> None:
    metrics.gauge("leader", "1 if this replica holds the lease, else 0.", lambda: float(lease.held))
    metrics.gauge("queue_depth", "Models that wait for a worker.", lambda: float(len(queue)))
    metrics.gauge("queue_oldest_seconds", "Seconds that the longest waiting model has waited.", queue.oldest)
    metrics.rollouts(lambda: lease.held)
    for kind in WATCHED:
        size = functools.partial(cache.count, kind)
        metrics.gauge("cache_objects", "Objects in the cache.", size, kind=kind.kind)


def _identity() -> str:
    """Return what no other process is called: the pod's name tells a person which one it is."""
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
