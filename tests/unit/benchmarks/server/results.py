"""Results of the server's benchmark as a run would have made them."""

from benchmarks.results import Object, Results

MACHINE = {"cpu": "Some CPU", "cores": 2, "memoryGiB": 8.0, "kernel": "6", "python": "3"}


def turn(loads: dict[str, float], *, batch1: float = 1000, batch32: float = 4000, pss: float = 100) -> Object:
    return {
        "raw": {"batch1": batch1, "batch32": batch32},
        "rawBusy": {"batch1": batch1 * 0.75, "batch32": batch32 / 2},
        "readyAfter": 0.7,
        "pssMB": pss,
        "rssMB": pss + 10,
        "pssAfterLoadsMB": pss + 1,
        "elsewhere": 0.02,
        "loads": {case: {"perSecond": rate, "p50": 1.0, "p99": 2.0} for case, rate in loads.items()},
    }


def kept(*turns: Object, lacks: dict[str, str] | None = None) -> Object:
    values = {"about": "a model", "version": "1.2.3", "lacks": lacks or {}, "seconds": 4, "rounds": list(turns)}
    return {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE, "values": values}


def results(**by_name: Object) -> Results:
    """Take `tiny_ours=kept(...)`."""
    return Results({name.replace("_", " "): values for name, values in by_name.items()})
