"""Ratios of the server that are committed, and how those of a quick run are compared with them. Pure but for the file.

Both figures of a ratio come from the same core in the same turn, so it does not depend on how fast a machine is; memory
does not either.
"""

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.results import Object, Results
from benchmarks.server.figures import BATCH_1, BATCH_32, Figure, Of, OfCase, OfRaw, spread_of
from benchmarks.server.servers import OURS

FILE: Final = Path(__file__).with_name("ratios.json")
LEAST_ALLOWED: Final = 0.05
TOO_WIDE: Final = 1 / 3
RULE: Final = """One has fallen if the middle of its turns is worse than the committed
middle by more than the widest of three: a twentieth of the committed middle, the spread of the committed turns, and
the spread of the turns now. Where the turns now spread over more than a third of the committed middle and nothing fell,
nothing can be told: the machine was not idle."""


@dataclass(frozen=True)
class Ratio:
    """One ratio that is kept; with `less` less is better."""

    figure: Figure
    less: bool = False


RATIOS: Final = {
    "tiny, HTTP binary, c=1, of raw batch 1": Ratio(OfRaw("tiny", "http binary 1", BATCH_1)),
    "tiny, HTTP binary, c=32, of raw batch 1": Ratio(OfRaw("tiny", "http binary 32", BATCH_1)),
    "tiny, gRPC, c=32, of raw batch 1": Ratio(OfRaw("tiny", "grpc 32", BATCH_1)),
    "1.2 ms, HTTP binary, c=1, of raw batch 1": Ratio(OfRaw("middle", "http binary 1", BATCH_1)),
    "1.2 ms, HTTP binary, c=32, of raw batch 32": Ratio(OfRaw("middle", "http binary 32", BATCH_32)),
    "image, HTTP binary, c=1, of raw batch 1": Ratio(OfRaw("image", "http binary 1", BATCH_1)),
    "image, gRPC, c=1, of raw batch 1": Ratio(OfRaw("image", "grpc 1", BATCH_1)),
    "1,000 floats as JSON, c=32, of binary": Ratio(OfCase("wide", "http json 32", "http binary 32")),
    "1,000 floats in binary, c=32, of raw batch 1": Ratio(OfRaw("wide", "http binary 32", BATCH_1)),
    "PSS, tiny model loaded, MB": Ratio(Of("tiny", "pssMB"), less=True),
}


class Verdict(Enum):
    """What the comparison of one ratio says."""

    HELD = "held"
    FELL = "fell"
    UNKNOWN = "cannot be told"
    NOT_MEASURED = "not measured"
    NEW = "not committed"


@dataclass(frozen=True)
class Comparison:
    """One ratio now and as committed; each an object of least, middle and greatest, or None."""

    name: str
    now: Object | None
    committed: Object | None
    verdict: Verdict


def measured(results: Results) -> dict[str, Object]:
    """Return the ratios that were measured."""
    found = {name: spread_of(ratio.figure.of(results, OURS)) for name, ratio in RATIOS.items()}
    return {name: values for name, values in found.items() if values is not None}


def compare(now: dict[str, Object], committed: dict[str, Object]) -> list[Comparison]:
    """Return a comparison of each ratio."""
    return [
        Comparison(name, now.get(name), committed.get(name), _verdict(now.get(name), committed.get(name), ratio.less))
        for name, ratio in RATIOS.items()
    ]


def cases(model: str) -> set[str]:
    """Return the cases of a model that the ratios need."""
    return {
        case
        for ratio in RATIOS.values()
        if ratio.figure.model == model and not isinstance(ratio.figure, Of)
        for case in (ratio.figure.case, getattr(ratio.figure, "other", ratio.figure.case))
    }


def read(file: Path = FILE) -> dict[str, Object]:
    """Return the committed ratios; nothing if there are none yet."""
    return dict(json.loads(file.read_text())["ratios"]) if file.exists() else {}


def write(ratios: dict[str, Object], file: Path = FILE) -> None:
    """Keep ratios, to be committed; those that were not measured now stay as they are."""
    kept = {"at": machine.now(), "commit": machine.commit(), "ratios": read(file) | ratios}
    file.write_text(json.dumps(kept, indent=1) + "\n")


def _verdict(now: Object | None, committed: Object | None, less: bool) -> Verdict:
    if now is None:
        return Verdict.NOT_MEASURED
    if committed is None:
        return Verdict.NEW
    middle = committed["median"]
    spread = now["max"] - now["min"]
    allowed = max(LEAST_ALLOWED * middle, committed["max"] - committed["min"], spread)
    worse = now["median"] - middle if less else middle - now["median"]
    if worse <= allowed:
        return Verdict.HELD if spread <= TOO_WIDE * middle else Verdict.UNKNOWN
    return Verdict.FELL
