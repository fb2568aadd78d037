"""docs/kubectl-onnx.md and docs/gitops.md say what is so."""

import re

import pytest

from onnx_operator.kubectl.cluster import FIELD_MANAGER
from tests.unit.operator.kubectl.commands import run
from tests.unit.operator.kubectl.generated import ARGO, DOCS
from tests.unit.operator.kubectl.test_argocd import HEALTH
from tests.unit.operator.kubectl.test_flux import EXPECTED
from tests.unit.operator.kubectl.test_render_others import DIFFERENCE, HISTORY, REFRESH
from tests.unit.operator.kubectl.test_render_status import HERE

PAGE = (DOCS / "kubectl-onnx.md").read_text()
GITOPS = (DOCS / "gitops.md").read_text()
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
