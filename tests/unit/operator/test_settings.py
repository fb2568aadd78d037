"""What the command line may say."""

import pytest

from onnx_operator.cli import parser, settings_of
from onnx_operator.settings import Settings


def given(*arguments: str) -> Settings:
    return settings_of(parser().parse_args(["run", "--server-image=server:1", *arguments]))


def test_without_a_word_nobody_is_asked_on_a_users_behalf() -> None:
    settings = given()
    assert (settings.prometheus_url, settings.prometheus_token_file, settings.webhook_hosts) == ("", "", ())


def test_hosts_are_separated_by_commas() -> None:
    assert given("--webhook-hosts=hooks.example, [fd00::1]:8080,").webhook_hosts == ("hooks.example", "[fd00::1]:8080")
    assert given("--prometheus-url=https://metrics.example:9090/prefix").prometheus_url.endswith("/prefix")


@pytest.mark.parametrize(
    "argument",
    [
        "--prometheus-url=metrics.example:9090",
        "--prometheus-url=ftp://metrics.example",
        "--prometheus-url=http://",
        "--prometheus-url=http://me:secret@metrics.example",
        "--prometheus-url=http://metrics.example?a=b",
        "--prometheus-url=http://metrics.example:port",
        "--webhook-hosts=https://hooks.example",
        "--webhook-hosts=hooks.example/path",
        "--webhook-hosts=me@hooks.example",
        "--webhook-hosts=*.example",
        "--webhook-hosts=hooks.example:port",
        "--lease-duration=1",
    ],
)
def test_what_is_no_address_is_named_at_the_start(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        given(argument)
    assert argument.partition("=")[0] in capsys.readouterr().err
