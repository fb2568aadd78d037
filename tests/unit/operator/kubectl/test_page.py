"""docs/kubectl-onnx.md, docs/gitops.md and what README shows of a rollout say what is so."""

import re
from datetime import datetime
from typing import Any

import pytest

from onnx_operator.api.crd import printer_columns
from onnx_operator.kubectl.cluster import FIELD_MANAGER
from tests.unit.operator.kubectl.commands import run
from tests.unit.operator.kubectl.generated import ARGO, DOCS
from tests.unit.operator.kubectl.recorded_states import NOW, model
from tests.unit.operator.kubectl.test_argocd import HEALTH
from tests.unit.operator.kubectl.test_flux import EXPECTED
from tests.unit.operator.kubectl.test_render_others import DIFFERENCE, HISTORY, REFRESH
from tests.unit.operator.kubectl.test_render_status import HERE

PAGE = (DOCS / "kubectl-onnx.md").read_text()
GITOPS = (DOCS / "gitops.md").read_text()
README = (DOCS.parent / "README.md").read_text()
COMMANDS = (
    "status",
    "promote",
    "abort",
    "retry",
    "pause",
    "resume",
    "rollback",
    "refresh",
    "history",
    "diff",
    "predict",
)


@pytest.mark.parametrize("state", ["progressing", "aborted"])
def test_status_is_shown_as_it_is(state: str) -> None:
    assert f"$ kubectl onnx status digits\n{(HERE / f'{state}.txt').read_text()}```\n" in PAGE


def test_readme_shows_what_kubectl_get_shows_of_the_same_model() -> None:
    shown = model("progressing")
    columns = [column for column in printer_columns() if column["priority"] == 0]
    age = NOW - datetime.fromisoformat(shown["metadata"]["creationTimestamp"])
    cells = {c["name"].upper(): str(at(shown, c["jsonPath"])) for c in columns if c["name"] != "Age"}
    cells = {"NAME": "digits", **cells, "AGE": f"{age.seconds // 60}m"}
    widths = [max(len(head), len(cell)) + 3 for head, cell in cells.items()]
    lines = [
        "".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in zip(*cells.items(), strict=True)
    ]
    assert "\n".join(line.rstrip() for line in ("$ kubectl get onnxmodel digits", *lines)) in README


def at(obj: Any, path: str) -> Any:
    """Return what is at a JSONPath, as far as the columns of the CRD have such."""
    for part in re.findall(r"\.(\w+)(?:\[\?\(@\.type==\"(\w+)\"\)\])?", path):
        obj = obj[part[0]]
        if part[1]:
            obj = next(item for item in obj if item["type"] == part[1])
    return obj


@pytest.mark.parametrize("said", [HISTORY, DIFFERENCE, REFRESH])
def test_revisions_are_shown_as_they_are(said: str) -> None:
    assert said in PAGE


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    assert re.search(rf"^## .*\b{command}\b", PAGE, re.MULTILINE)


def test_every_option_of_the_page_is_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for command in COMMANDS:
        assert run(command, "--help") == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    mentioned = set(re.findall(r"--[a-z][a-z-]*", PAGE))
    assert mentioned - known == {"--field-manager", "--overwrite"}  # kubectl's


def test_the_field_manager_is_the_codes_and_not_one_that_flux_takes_over() -> None:
    assert f"--field-manager={FIELD_MANAGER}" in PAGE
    assert FIELD_MANAGER in GITOPS
    assert not FIELD_MANAGER.startswith(("kubectl", "before-first-apply"))


def test_every_file_of_gitops_is_linked() -> None:
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\((gitops/[^)]+)\)", GITOPS)}
    assert ARGO / "health.lua" in linked
    assert ARGO / "argocd-cm.yaml" in linked
    assert ARGO / "actions" in linked
    assert DOCS / "gitops" / "flux" / "kustomization.yaml" in linked
    assert all(path.exists() for path in linked)


def test_the_table_of_gitops_is_what_the_tests_found() -> None:
    rows = re.findall(r"^\| (.+?) \| `(\w+)` \| `(\w+)` \|$", GITOPS, re.MULTILINE)
    told = {(argo, flux) for _, argo, flux in rows}
    found = {(HEALTH[state][0], EXPECTED.get(state, "InProgress")) for state in HEALTH if state != "unseen"}
    assert told == found
