"""What commands find, and what they say when they cannot."""

import json
from pathlib import Path

import pytest
from kubernetes.aio.client import Configuration
from rich.console import Console

from onnx_operator import __version__
from onnx_operator.kubectl import access
from onnx_operator.kubectl.cli import status as status_command
from tests.unit.operator.kubectl.api_stand_in import MODELS, PODS, REVISIONS, Api
from tests.unit.operator.kubectl.commands import run
from tests.unit.operator.kubectl.recorded_states import model

Captured = pytest.CaptureFixture[str]


def test_status_shows_the_model_of_the_contexts_namespace(api: Api, capsys: Captured) -> None:
    assert run("status", "digits") == 0
    said = capsys.readouterr().out
    assert said.startswith("digits in namespace team")
    assert "digits-bq24cmd5fz-5f6b8-w7h9q  Ready" in said


def test_status_for_programs(api: Api, capsys: Captured) -> None:
    assert run("status", "digits", "-o", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["status"] == model("progressing")["status"]
    assert {pod["name"]: pod["state"] for pod in said["pods"]} == {
        "digits-hzbw5b6dxn-6c9d7-4xk2p": "Ready",
        "digits-hzbw5b6dxn-6c9d7-p8s5t": "Ready",
        "digits-bq24cmd5fz-5f6b8-w7h9q": "Ready",
    }


def test_status_goes_on_for_whom_pods_are_forbidden(api: Api, capsys: Captured) -> None:
    api.refusals[f"GET {PODS}"] = 403
    assert run("status", "digits") == 0
    assert "You may not list pods here." in capsys.readouterr().out
    assert run("status", "digits", "--output", "json") == 0
    assert json.loads(capsys.readouterr().out)["pods"] is None


def test_watching_prints_each_change_once_and_ends_with_the_model(api: Api, capsys: Captured) -> None:
    looks: list[int] = []

    def look(seen: dict[str, object]) -> None:
        looks.append(1)
        if len(looks) == 4 and api.models:
            api.models["digits"] = model("paused")
        if len(looks) == 7 and api.models:
            del api.models["digits"]

    api.on_look = look
    assert run("status", "digits", "--watch", "--interval", "0.2", "-o", "json") == 1
    captured = capsys.readouterr()
    phases = [json.loads(line)["status"]["rollout"]["phase"] for line in captured.out.splitlines()]
    assert phases == ["Progressing", "Paused"]
    assert "There is no ONNXModel 'digits'" in captured.err


def test_watching_outlives_an_api_server_that_is_away_for_a_moment(
    api: Api, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(seen: dict[str, object]) -> None:
        looks.append(1)
        api.refusals = {f"GET {PODS}": 503} if len(looks) in {2, 3} else {}
        if len(looks) == 5 and api.models:
            del api.models["digits"]

    api.on_look = look
    monkeypatch.setattr(status_command, "screen", lambda: Console(force_terminal=True, width=120, highlight=False))
    assert run("status", "digits", "--watch", "--interval", "0.2") == 1
    captured = capsys.readouterr()
    assert "no GET for you (HTTP 503)" in captured.out
    assert "There is no ONNXModel 'digits'" in captured.err


def test_history(api: Api, capsys: Captured) -> None:
    assert run("history", "digits", "-o", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [(fact["number"], fact["name"], fact["role"]) for fact in facts] == [
        (3, "digits-bq24cmd5fz", "Candidate"),
        (2, "digits-7wz2kxq9bd", "Retired"),
        (1, "digits-hzbw5b6dxn", "Stable"),
    ]
    assert run("history", "digits") == 0
    assert "refresh of digits-hzbw5b6dxn" in capsys.readouterr().out


def test_diff(api: Api, capsys: Captured) -> None:
    assert run("diff", "digits-hzbw5b6dxn", "digits-bq24cmd5fz") == 0
    assert "spec.model.uri\n  - s3://models/digits/1/model.onnx\n  + s3://models/digits/2/model.onnx" in (
        capsys.readouterr().out
    )


def test_diff_of_a_revision_that_is_not_there_names_those_that_are(api: Api, capsys: Captured) -> None:
    assert run("diff", "digits-hzbw5b6dxn", "digits-2") == 1
    said = capsys.readouterr().err
    assert (
        "There is no revision 'digits-2'. There are: digits-7wz2kxq9bd, digits-bq24cmd5fz, digits-hzbw5b6dxn." in said
    )


def test_no_such_model(api: Api, capsys: Captured) -> None:
    assert run("status", "cats") == 1
    assert "There is no ONNXModel 'cats' in namespace 'team'. There are: digits." in capsys.readouterr().err


def test_not_installed(api: Api, capsys: Captured) -> None:
    api.models = None
    assert run("history", "digits") == 1
    said = capsys.readouterr().err
    assert "knows no onnxmodels.onnx-operator.dev: the operator is not installed there." in said
    assert "helm install onnx-operator" in said


@pytest.mark.parametrize("path", [f"{MODELS}/digits", REVISIONS])
def test_no_access(api: Api, capsys: Captured, path: str) -> None:
    api.refusals[f"GET {path}"] = 403
    assert run("history", "digits") == 1
    said = capsys.readouterr().err
    assert "You may not do that: no GET for you" in said
    assert "docs/kubectl-onnx.md lists the rights" in said


def test_a_write_that_is_refused(api: Api, capsys: Captured) -> None:
    api.refusals[f"PATCH {MODELS}/digits"] = 403
    assert run("pause", "digits") == 1
    assert "You may not do that: no PATCH for you" in capsys.readouterr().err


def test_who_is_not_known(api: Api, capsys: Captured) -> None:
    api.refusals[f"GET {MODELS}/digits"] = 401
    assert run("status", "digits") == 1
    assert "Log in again." in capsys.readouterr().err


def test_the_namespace_may_be_named(api: Api, capsys: Captured) -> None:
    assert run("status", "digits", "-n", "other") == 1
    assert "/namespaces/other/" in api.seen[0][1]


def test_the_context_may_be_named(api: Api) -> None:
    run("status", "digits", "--context", "plain")
    assert "/namespaces/default/" in api.seen[0][1]


def test_a_context_that_is_not_there(api: Api, capsys: Captured) -> None:
    assert run("status", "digits", "--context", "nowhere") == 1
    assert "choose one with --context" in capsys.readouterr().err


def test_a_kubeconfig_that_is_not_there(capsys: Captured, tmp_path: Path) -> None:
    assert run("status", "digits", "--kubeconfig", str(tmp_path / "nothing")) == 1
    assert "There is no kubeconfig" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "a: [", "current-context: nowhere", "- a list"])
def test_a_kubeconfig_that_is_none(capsys: Captured, tmp_path: Path, text: str) -> None:
    (tmp_path / "broken").write_text(text)
    assert run("status", "digits", "--kubeconfig", str(tmp_path / "broken")) == 1
    assert "does not lead to a cluster" in capsys.readouterr().err


def test_in_a_pod_it_is_the_pods_own_cluster_and_namespace(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(client_configuration: Configuration) -> None:
        client_configuration.host = f"http://127.0.0.1:{api.port}"

    (tmp_path / "namespace").write_text("team\n")
    monkeypatch.setattr(access, "SERVICE_ACCOUNT", tmp_path / "namespace")
    monkeypatch.setattr("kubernetes.aio.config.load_incluster_config", load)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    assert run("status", "digits") == 0
    assert api.seen[0][1] == f"{MODELS}/digits"


def test_no_cluster_at_all(capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert run("status", "digits") == 1
    assert "Name a kubeconfig with --kubeconfig, or set KUBECONFIG." in capsys.readouterr().err


def test_an_api_server_that_does_not_answer(capsys: Captured, api: Api, tmp_path: Path) -> None:
    config = (tmp_path / "kubeconfig").read_text().replace(str(api.port), "1")
    (tmp_path / "other").write_text(config)
    assert run("status", "digits", "--kubeconfig", str(tmp_path / "other")) == 1
    assert "The API server at http://127.0.0.1:1 does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a/b", "UPPER", "..", "-x-"])
def test_a_name_that_is_none(name: str, capsys: Captured) -> None:
    assert run("status", "--", name) == 2
    assert "is no name of an object" in capsys.readouterr().err


def test_version_and_help(capsys: Captured) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == __version__
    assert run("--help") == 0
    said = capsys.readouterr().out
    for command in ("status", "promote", "abort", "retry", "pause", "resume", "rollback", "refresh", "history", "diff"):
        assert command in said
