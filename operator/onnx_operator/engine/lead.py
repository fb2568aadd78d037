"""Leading: the workers run while this replica holds the Lease, and at no other time."""

import asyncio

from onnx_operator.engine.lease import Lease
from onnx_operator.engine.resync import Resync
from onnx_operator.engine.worker import Crew


async def lead(lease: Lease, resync: Resync, crew: Crew, workers: int) -> None:
    """Take the Lease, work while it is held, and again, until cancelled. Who is not primed does not take it."""

    async def work() -> None:
        await resync.catch_up(lease.released_at)
        await asyncio.gather(*(crew.work() for _ in range(workers)))

    await resync.primed.wait()
    while True:
        await lease.acquire()
        working, holding = asyncio.create_task(work()), asyncio.create_task(lease.hold())
        try:
            done, _ = await asyncio.wait([working, holding], return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            holding.cancel()
            await asyncio.gather(working, holding, return_exceptions=True)
        for task in done:
            task.result()
