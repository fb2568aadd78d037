"""The section shows how soon bad versions were gone, beside what documents say, and what a look costs."""

from pathlib import Path

from benchmarks.results import Object, Results
from benchmarks.rollout.cases import CASES
from benchmarks.rollout.cost import processes
from benchmarks.rollout.documented import SAMPLES
from benchmarks.rollout.report import COST, ROUNDS, section
from tests.unit.benchmarks.server.results import MACHINE


def judged(verdict: float, **changed: object) -> Object:
    values = {"caught": "outputs", "samples": 20, "verdict": verdict, "changed": verdict + 4, "ended": None}
    return {**values, "highest": 0, "requests": 1000, "candidate": 0, "lost": 0, "wrong": 0, **changed}


def kept(values: object) -> Object:
    return {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE, "values": values}


def test_documents_say_ten_and_fifteen_minutes() -> None:
    assert [(sample.tool, sample.rollback, sample.promotion) for sample in SAMPLES] == [
        ("Flagger", 600, 600),
        ("Argo Rollouts", 900, 2400),
    ]


def test_a_bad_version_is_told_with_what_caught_it_and_what_users_got() -> None:
    errors = judged(3.0, caught="errors", ended=0.5, highest=25, wrong=2)
    made = section(Results({ROUNDS: kept({"permuted labels": [judged(2.0), judged(4.0)], "5 % errors": [errors]})}))
    assert "| permuted labels | outputs | 20 | 2 / 3 / 4 | 0 | 0 | 2,000 | 0 | 0 |" in made
    assert "| 5 % errors | errors | 20 | 3 | 0.50 | 25 | 1,000 | 0 | 2 |" in made
    assert "| permuted labels | 2 / 3 / 4 | never: not looked at | never: not looked at |" in made
    assert "| 5 % errors | 3.50 | 600, if more than 1 % fail | 900, if more than 5 % fail |" in made


def test_the_cost_is_of_a_look() -> None:
    measured = {"seconds": 30.0, "cpu": 0.6, "looks": 30, "requests": 15, "statusWrites": 5}
    made = section(Results({COST: kept({"judged": measured})}))
    assert "| judged | 30 | 30 | 20.0 | 2.0 | 0.50 | 10 |" in made


def test_nothing_measured_is_a_page_all_the_same() -> None:
    assert section(Results()).startswith("# Benchmarks of judging a version\n")


def test_a_pods_process_is_found_by_its_cgroup(tmp_path: Path) -> None:
    for pid, cgroup, command in ((7, "kubepods/pod0a_1b/x", "python3\0"), (8, "kubepods/pod0a-1b/x", "/pause\0")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(f"0::/{cgroup}\n")
        (tmp_path / str(pid) / "cmdline").write_text(command)
    assert processes("0a-1b", tmp_path) == [7]
    assert processes("0c", tmp_path) == []


def test_every_bad_version_can_be_made() -> None:
    assert {case.name: len(case.bad()) > len(case.stable()) // 2 for case in CASES} == dict.fromkeys(
        (case.name for case in CASES), True
    )
