"""Models in object stores: what does not need a store."""

import asyncio

import obstore
import pytest

from onnx_server.repository import uri
from onnx_server.repository.objects import ObjectSource


def test_a_download_ends_even_if_the_stores_answer_comes_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        answer = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(obstore, "get_async", lambda *_: answer)
        source = ObjectSource(uri.parse("http://store.example/model.onnx"), 30)
        (item,) = await source.items()
        download = asyncio.ensure_future(anext(source.chunks(item)))
        await asyncio.sleep(0)
        answer.set_result(None)
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download

    asyncio.run(main())
