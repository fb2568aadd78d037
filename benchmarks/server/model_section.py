"""The part of the page that one model has. Pure."""

from statistics import median
from typing import Final

from benchmarks.results import Object, Results
from benchmarks.server.figures import BATCH_1, BATCH_32, OfRaw, PerSecond, rounds, spread_of
from benchmarks.server.servers import SERVERS
from benchmarks.tables import number, table

BATCHES: Final = (BATCH_1, BATCH_32)


def model_section(results: Results, model: str) -> str:
    """Return raw rates, and by case and server answers a second, their shares of raw, and times; or nothing."""
    played = [name for name in SERVERS if rounds(results, model, name)]
    if not played:
        return ""
    turns = [made for name in played for made in rounds(results, model, name)]
    cases = list(dict.fromkeys(case for made in turns for case in made["loads"]))
    answered = [
        [case, *(shown_three(spread_of(PerSecond(model, case).of(results, name))) for name in played)] for case in cases
    ]
    shares = [[case, *(_shares(results, model, case, name) for name in played)] for case in cases]
    times = [[case, *(_times(rounds(results, model, name), case) for name in played)] for case in cases]
    about = "; or ".join(dict.fromkeys((results.of(f"{model} {name}") or {})["about"] for name in played))
    raw = " and ".join(
        f"{shown_three(spread_of([made['raw'][batch] for made in turns]))} (batch {batch.removeprefix('batch')})"
        for batch in BATCHES
    )
    left = " and ".join(
        f"{shown_three(spread_of([made['rawBusy'][batch] / made['raw'][batch] for made in turns]))} "
        f"(batch {batch.removeprefix('batch')})"
        for batch in BATCHES
    )
    return f"""## Model: {model}
It is {about}.

ONNX Runtime alone, rows a second: {raw}.
While the other core is busy, as it is under a load, it reaches {left} of that.

{table(["answers a second, by way and c", *played], answered)}
{table(["of raw batch 1 / of raw batch 32", *played], shares)}
{table(["p50 / p99 of a request, ms", *played], times)}"""


def shown_three(found: Object | None) -> str:
    """Return least, middle and greatest; one number where they are the same; a dash for nothing."""
    if found is None:
        return "-"
    shown = [number(found[name]) for name in ("min", "median", "max")]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)


def _shares(results: Results, model: str, case: str, server: str) -> str:
    of_both = [OfRaw(model, case, batch).of(results, server) for batch in BATCHES]
    return " / ".join(f"{median(values):.3f}" for values in of_both) if all(of_both) else "-"


def _times(turns: list[Object], case: str) -> str:
    loads = [made["loads"][case] for made in turns if "p50" in made["loads"].get(case, {})]
    return " / ".join(number(median(load[name] for load in loads)) for name in ("p50", "p99")) if loads else "-"
