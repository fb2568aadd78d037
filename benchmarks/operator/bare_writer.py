"""The yardstick: writes the objects of many models by server-side apply, and does nothing else.

Runs as a program, `python -m benchmarks.operator.bare_writer KUBECONFIG TEMPLATES COUNT CONCURRENCY`. TEMPLATES
is a JSON list of paths and manifests of one model, called as `models.numbered` calls the first; those of the others
differ in the name only. It says `ready`, waits for a line, writes, says what it did as a line of JSON, and stays
until its input ends.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.operator.api import Api, connected
from benchmarks.operator.models import numbered
from benchmarks.operator.population import PREFIX
from tests.cluster import access

MANAGER: Final = "onnx-operator"
"""The operator's field manager, so that the objects are the same."""


@dataclass(frozen=True)
class Template:
    """One object of one model, as text: `path` is where it goes, `manifest` is JSON."""

    path: str
    manifest: str


def requests(templates: list[Template], count: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and body of every object, model by model, in the order of the templates."""
    names = numbered(PREFIX, count)
    for name in names:
        for template in templates:
            yield template.path.replace(names[0], name), template.manifest.replace(names[0], name).encode()


async def write(api: Api, templates: list[Template], count: int, concurrency: int) -> float:
    """Apply all objects, `concurrency` at a time; return the seconds that it took."""
    left = requests(templates, count)
    began = time.monotonic()

    async def some() -> None:
        for path, body in left:
            await api.apply(path, body, MANAGER)

    await asyncio.gather(*(some() for _ in range(concurrency)))
    return time.monotonic() - began


async def main(kubeconfig: Path, templates: list[Template], count: int, concurrency: int) -> None:
    """Connect, wait for the word, write, report."""
    async with connected(access.read(kubeconfig), "bare-writer", concurrency) as api:
        await api.call("GET", "/version")
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        seconds = await write(api, templates, count, concurrency)
        print(json.dumps({"seconds": seconds, "requests": count * len(templates)}), flush=True)
    sys.stdin.read()  # until then its use of the CPU can be read


if __name__ == "__main__":
    given = [Template(**entry) for entry in json.loads(Path(sys.argv[2]).read_text())]
    asyncio.run(main(Path(sys.argv[1]), given, int(sys.argv[3]), int(sys.argv[4])))
