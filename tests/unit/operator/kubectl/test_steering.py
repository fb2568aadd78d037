"""The manual actions, from the command line to the annotation and back."""

import re
import threading

import pytest

from onnx_operator.decide.actions import FORM
from tests.unit.operator.kubectl.api_stand_in import MODELS, Api, answering
from tests.unit.operator.kubectl.commands import run
from tests.unit.operator.kubectl.recorded_states import model

ANNOTATION = "onnx-operator.dev/action"


def asked(api: Api) -> re.Match[str]:
    """Return the action that was asked for: the one write of the command."""
    ((_, path, sent),) = [request for request in api.seen if request[0] != "GET"]
    assert path == f"{MODELS}/digits?fieldManager=onnx-operator-cli"
    assert sent["metadata"]["annotations"].keys() == {ANNOTATION}
    assert sent.keys() == {"metadata"}
    found = FORM.fullmatch(sent["metadata"]["annotations"][ANNOTATION])
    assert found
    return found


@pytest.mark.parametrize(
    ("verb", "state", "revision"),
    [
        ("promote", "progressing", "digits-bq24cmd5fz"),
        ("promote", "paused", "digits-bq24cmd5fz"),
        ("abort", "preflight", "digits-bq24cmd5fz"),
        ("pause", "progressing", "digits-bq24cmd5fz"),
        ("resume", "paused", "digits-bq24cmd5fz"),
        ("retry", "aborted", "digits-bq24cmd5fz"),
        ("refresh", "healthy", "digits-bq24cmd5fz"),
        ("rollback", "healthy", "digits-hzbw5b6dxn"),
    ],
)
def test_an_accepted_action(api: Api, capsys: pytest.CaptureFixture[str], verb: str, state: str, revision: str) -> None:
    api.models = {"digits": model(state)}
    api.on_action = answering("Accepted", "It is as you say.")
    assert run(verb, "digits") == 0
    found = asked(api)
    assert (found["action"], found["revision"]) == (verb, revision)
    assert capsys.readouterr().out == f"✓ accepted  {found[0]}  It is as you say.\n"


def test_an_ignored_action_ends_with_1(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.on_action = answering("Ignored", "digits-bq24cmd5fz is not paused.")
    assert run("resume", "digits") == 1
    assert "✗ ignored  resume@digits-bq24cmd5fz#" in capsys.readouterr().out


def test_each_request_has_its_own_nonce(api: Api) -> None:
    api.on_action = answering("Accepted", "Yes.")
    nonces = set()
    for _ in range(3):
        api.seen.clear()
        run("pause", "digits")
        nonces.add(asked(api)["nonce"])
    assert len(nonces) == 3


def test_the_answer_is_waited_for(api: Api) -> None:
    looks: list[int] = []

    def look(seen: dict[str, object]) -> None:
        looks.append(1)
        if len(looks) == 4:
            annotations = api.models["digits"]["metadata"]["annotations"] if api.models else {}
            answering("Accepted", "At last.")(seen, annotations[ANNOTATION])

    api.on_look = look
    assert run("pause", "digits") == 0
    assert len(looks) == 4


def test_the_wait_outlives_an_api_server_that_is_away_for_a_moment(api: Api) -> None:
    path = f"GET {MODELS}/digits"

    def act(seen: dict[str, object], text: str) -> None:
        api.refusals[path] = 503
        answering("Accepted", "Yes.")(seen, text)
        threading.Timer(0.5, api.refusals.clear).start()

    api.on_action = act
    assert run("pause", "digits", "--timeout", "10") == 0


def test_no_answer_in_time_is_an_error_that_names_the_remedy(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pause", "digits", "--timeout", "0.2") == 1
    said = capsys.readouterr().err
    assert "The operator has not answered pause@digits-bq24cmd5fz#" in said
    assert "kubectl get pods -A -l app.kubernetes.io/name=onnx-operator" in said


def test_nobody_has_to_wait(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("abort", "digits", "--no-wait") == 0
    assert f"asked {asked(api)[0]}" in capsys.readouterr().out


def test_an_older_answer_is_not_taken_for_this_one(api: Api) -> None:
    api.models = {"digits": model("paused")}  # its last action was a pause of the same revision
    assert run("pause", "digits", "--timeout", "0.2") == 1


def test_who_takes_the_annotation_away_is_told(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    def other(seen: dict[str, object], text: str) -> None:
        assert api.models
        api.models["digits"]["metadata"]["annotations"][ANNOTATION] = "abort@digits-bq24cmd5fz#theirs"

    api.on_action = other
    assert run("pause", "digits") == 1
    assert "now abort@digits-bq24cmd5fz#theirs is asked for" in capsys.readouterr().err


def test_a_revision_may_be_named(api: Api) -> None:
    api.on_action = answering("Ignored", "It is not being rolled out.")
    assert run("promote", "digits", "--revision", "digits-hzbw5b6dxn") == 1
    assert asked(api)["revision"] == "digits-hzbw5b6dxn"


def test_a_way_back_may_be_named(api: Api) -> None:
    api.on_action = answering("Accepted", "Yes.")
    assert run("rollback", "digits", "digits-7wz2kxq9bd") == 0
    assert asked(api)["revision"] == "digits-7wz2kxq9bd"


def test_what_cannot_be_meant_is_not_asked(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.models = {"digits": model("healthy")}
    assert run("promote", "digits") == 1
    assert "digits is not being rolled out: there is nothing to promote." in capsys.readouterr().err
    assert all(method == "GET" for method, _, _ in api.seen)
