import io
import shlex

import pytest

from demo.narration import WIDTH, Narrator, duration, shown

HELM = (
    *("helm", "upgrade", "--install", "onnx-operator", "charts/onnx-operator", "--namespace", "onnx-operator"),
    *("--set-string", "image.repository=localhost/onnx-operator/operator", "--set-string", "image.tag=dev", "--wait"),
    *("-p", '{"spec":{"model":{"uri":"s3://models/digits/99/model.onnx"}}}'),
)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (61, "1 min 01 s")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_shown_command_fits_the_width_and_pastes_back_to_itself() -> None:
    lines = shown(HELM)
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH
    pasted = "\n".join(lines).replace("\\\n", " ").strip().removeprefix("$ ")
    assert tuple(shlex.split(pasted)) == HELM


def test_an_option_stays_with_its_value() -> None:
    assert any(line.strip(" \\").endswith("image.tag=dev --wait") for line in shown(HELM)) or any(
        "--set-string image.tag=dev" in line for line in shown(HELM)
    )


def test_a_step_has_a_heading_of_the_full_width_and_its_own_time() -> None:
    out, clock = io.StringIO(), iter([0.0, 10.0, 10.0, 12.5])
    narrator = Narrator(out, lambda: next(clock))
    with narrator.step("Something", 3):
        narrator.say("word " * 40)
    heading, *rest, last = out.getvalue().strip().splitlines()
    assert heading.startswith("── 1/3 Something ──")
    assert heading.endswith(" 10 s ──")
    assert len(heading) == WIDTH
    assert all(len(line) <= WIDTH for line in rest)
    assert last == "  ✓ done in 2.5 s"


def test_a_log_gets_no_control_characters() -> None:
    out = io.StringIO()
    narrator = Narrator(out)
    narrator.good("well")
    narrator.bad("badly")
    narrator.command(("kubectl", "get", "pods"))
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().splitlines() == ["  ✓ well", "  ✗ badly", "  $ kubectl get pods"]


def test_an_output_that_cannot_show_shades_gets_replacements_instead_of_an_error() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Narrator(out).good("█")
    assert raw.getvalue() == b"  ? ?\n"
