import asyncio
import threading
from typing import Any

from onnx_operator.engine.inbox import AT_ONCE, Inbox
from onnx_operator.kube.kinds import POD, Kind


def test_events_of_another_thread_arrive_in_order_and_nobody_starves() -> None:
    count = AT_ONCE * 5

    async def main() -> None:
        got: list[int] = []
        turns = 0

        def receive(kind: Kind, event: str | None, obj: dict[str, Any]) -> None:
            got.append(obj["n"])

        inbox = Inbox(asyncio.get_running_loop(), receive)

        def send() -> None:
            for n in range(count):
                inbox.deliver(POD, "MODIFIED", {"n": n})

        thread = threading.Thread(target=send)
        thread.start()
        thread.join()  # all of it is there before the loop turns
        while len(got) < count:
            turns += 1
            await asyncio.sleep(0)
        assert got == list(range(count))
        assert turns >= 5
        inbox.deliver(POD, "MODIFIED", {"n": count})
        await asyncio.sleep(0.01)
        assert got[-1] == count

    asyncio.run(main())
