import json
import queue
import sys
import time
from collections.abc import Iterator

import pytest

from demo.errors import DemoError
from demo.narration import Narrator
from demo.shell import Shell
from demo.watching import Seen, documents, wait

STATES = [{"metadata": {"name": "a"}, "n": 1}, {"message": "ünïcode } {"}, {"n": 3}]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_documents_are_found_however_the_stream_is_cut(size: int) -> None:
    stream = "\n".join(json.dumps(state, indent=4, ensure_ascii=False) for state in STATES).encode()
    blocks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert list(documents(blocks)) == STATES


def test_a_document_is_there_before_the_next_one_begins() -> None:
    def blocks() -> Iterator[bytes]:
        yield b'{"n": 1}\n'
        raise AssertionError("read on")

    assert next(documents(blocks())) == {"n": 1}


def test_a_stream_that_breaks_off_gives_the_documents_that_were_whole() -> None:
    assert list(documents([b'{"n": 1} {"n": '])) == [{"n": 1}]


def _states(*numbers: int) -> "queue.Queue[Seen]":
    states: queue.Queue[Seen] = queue.Queue()
    for number in numbers:
        states.put(Seen({"n": number}, float(number)))
    return states


def test_wait_returns_at_the_first_state_that_will_do() -> None:
    states = _states(1, 2, 3)
    assert wait(states, lambda seen: seen.at if seen.object["n"] >= 2 else None, what="two", limit=1) == 2.0
    assert states.qsize() == 1


def test_wait_ends_in_time_and_says_what_did_not_happen_and_where_to_look() -> None:
    began = time.monotonic()
    with pytest.raises(DemoError, match="nine: that did not happen within 0 s") as caught:
        wait(_states(1, 2), lambda _: None, what="nine", limit=0.2, look=["kubectl get pods"])
    assert time.monotonic() - began < 2
    assert caught.value.look == ("kubectl get pods",)


def test_a_failed_command_says_which_and_what_it_wrote() -> None:
    shell = Shell(Narrator(), {})
    with pytest.raises(DemoError, match=r"exit code 3:\nno such thing") as caught:
        shell.run(sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)", look=["x"])
    assert caught.value.look == ("x",)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(DemoError, match="`kubectl` is not on the PATH"):
        Shell(Narrator(), {"PATH": "/nowhere"}).ask("kubectl", "version")


def test_a_pipe_is_shown_as_it_is_typed_and_fails_when_any_part_does(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(Narrator(), {})
    assert shell.pipe("echo 'a|b'", "tr a-z A-Z") == "A|B\n"
    assert capsys.readouterr().out == "  $ echo 'a|b' \\\n      | tr a-z A-Z\n    A|B\n"
    with pytest.raises(DemoError, match="exit code 3"):
        shell.pipe("exit 3", "cat")


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(DemoError, match="did not end within 1 s"):
        Shell(Narrator(), {}).ask(sys.executable, "-c", "import time; time.sleep(60)", limit=1)
