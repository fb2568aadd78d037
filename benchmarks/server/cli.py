"""The command: plays models with servers, keeps their results, prints the section, and writes it into a page if asked.

The exit code is 0 whatever was measured; it is 1 when a server failed, and in a quick run when a ratio fell.
"""

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.results import Results
from benchmarks.server import ratios, subject
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.installing import install_tools
from benchmarks.server.models import MODELS
from benchmarks.server.places import LOAD_CORE, SERVER_CORE, cache
from benchmarks.server.report import compared, elsewhere, section
from benchmarks.server.rounds import Plan, play
from benchmarks.server.servers import OURS, SERVERS
from benchmarks.server.servers.server import Server
from benchmarks.server.ways import Case, cases
from tests.cluster.errors import ClusterError
from tests.cluster.lock import only_one
from tests.cluster.paths import TREE
from tests.cluster.progress import note

RESULTS: Final = TREE / "build/benchmarks/server.json"
QUICK_RESULTS: Final = RESULTS.with_name("server-quick.json")
FULL: Final = Plan(rounds=3, seconds=4)
QUICK: Final = Plan(rounds=3, seconds=2)
CONCURRENCIES: Final = (1, 8, 32, 64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    usual = QUICK if chosen.quick else FULL
    plan = Plan(chosen.rounds or usual.rounds, chosen.seconds or usual.seconds)
    names = chosen.servers or ([OURS] if chosen.quick else list(SERVERS))
    file = chosen.results or (QUICK_RESULTS if chosen.quick else RESULTS)
    wanted = {name: cases(name, chosen.concurrency) for name in chosen.only}
    if chosen.quick:
        if not ratios.read():
            note(f"error: {ratios.FILE.name} has no ratios to compare with: measure all first, with make bench-server")
            return 1
        wanted = {name: [case for case in found if case.name in ratios.cases(name)] for name, found in wanted.items()}
        file.unlink(missing_ok=True)  # nothing measured earlier may look as if it held now
    results, failures = Results.read(file), []
    try:
        failures = _measure(wanted, [SERVERS[name] for name in names], plan, results, file)
    except (BenchmarkError, ClusterError) as error:
        note(f"error: {error}")
        failures = [str(error)]
    if chosen.quick:
        return max(_compare(results), int(bool(failures)))
    made = section(results)
    print(made)
    if chosen.write:
        write_section(chosen.write, made)
    if chosen.write_ratios:
        ratios.write(ratios.measured(results), chosen.write_ratios)
    return int(bool(failures))


def _measure(
    wanted: dict[str, list[Case]], servers: Sequence[Server], plan: Plan, results: Results, file: Path
) -> list[str]:
    """Measure all models, keep what was measured after each, and return what failed."""
    failures: list[str] = []

    def failed(what: str) -> None:
        failures.append(what)
        note(f"failed: {what}")

    with only_one(cache(), "running this benchmark"):
        _install(servers, (case for found in wanted.values() for case in found))
        _move_to_the_load_core()
        for name, found in wanted.items():
            with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
                played = play(subject.made(subject.fitted(MODELS[name]), Path(folder)), servers, found, plan, failed)
            for server, values in played.items():
                results.add(f"{name} {server}", values, {"machine": machine.describe()})
            results.write(file)
    return failures


def _compare(results: Results) -> int:
    """Print how the ratios stand to the committed ones; return 1 if one fell, or nothing can be told of one."""
    comparisons = ratios.compare(ratios.measured(results), ratios.read())
    print(f"{compared(comparisons)}\n{ratios.RULE}\n\nOthers used {elsewhere(results)} cores of the machine meanwhile.")
    bad = [found for found in comparisons if found.verdict in (ratios.Verdict.FELL, ratios.Verdict.UNKNOWN)]
    for found in bad:
        note(f"{found.verdict.value}: {found.name}")
    return int(bool(bad))


def _install(servers: Iterable[Server], wanted: Iterable[Case]) -> None:
    install_tools()
    for server in servers:
        server.install()
    for way in {case.way.name: case.way for case in wanted}.values():
        way.install()


def _move_to_the_load_core() -> None:
    try:
        os.sched_setaffinity(0, {LOAD_CORE})
    except OSError as error:
        raise BenchmarkError(f"two cores are needed, {SERVER_CORE} for the server and {LOAD_CORE} for loads") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server", description="Measure the server beside raw ONNX Runtime and other servers."
    )
    parser.add_argument("--quick", action="store_true", help="compare our server with the committed ratios (< 5 min)")
    parser.add_argument(
        "--only", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="MODEL", help=", ".join(MODELS)
    )
    parser.add_argument("--servers", type=_servers, metavar="NAME,...", help=f"all of: {','.join(SERVERS)}")
    parser.add_argument("--concurrency", type=_counts, default=CONCURRENCIES, help="connections (1,8,32,64)")
    parser.add_argument("--rounds", type=_count, help=f"turns of each server ({FULL.rounds})")
    parser.add_argument("--seconds", type=_count, help=f"of one load ({FULL.seconds}; quick: {QUICK.seconds})")
    parser.add_argument("--write", type=Path, help="write the section into this page, too; its other sections stay")
    parser.add_argument("--write-ratios", type=Path, help="keep the ratios in this file, to be committed")
    parser.add_argument("--results", type=Path, help="where results are kept; those that are not measured anew stay")
    return parser


def _servers(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SERVERS]:
        raise argparse.ArgumentTypeError(f"no server is called {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    return names


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))
