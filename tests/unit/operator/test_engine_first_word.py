from typing import Any

from onnx_operator.engine.first_word import AT_MOST, MOMENT, FirstWord

Object = dict[str, Any]

KEY = ("team", "digits")


def status(ready: str = "False", stalled: str = "False") -> Object:
    return {"conditions": [{"type": "Ready", "status": ready}, {"type": "Stalled", "status": stalled}]}


class Clock:
    now = 100.0
    busy = False


def first_word() -> tuple[FirstWord, Clock]:
    clock = Clock()
    return FirstWord(lambda: clock.now, lambda: clock.busy), clock


def test_the_first_word_waits_a_moment_and_no_longer() -> None:
    words, clock = first_word()
    assert words.wait(KEY, {}, status()) == MOMENT
    clock.now += MOMENT / 2
    assert words.wait(KEY, {"observedGeneration": -1}, status()) == MOMENT
    clock.now += MOMENT / 2
    assert words.wait(KEY, {}, status()) is None


def test_good_and_bad_news_do_not_wait() -> None:
    words, _ = first_word()
    assert words.wait(KEY, {}, status(ready="True")) is None
    assert words.wait(KEY, {}, status(stalled="True")) is None


def test_who_has_spoken_once_goes_on_speaking() -> None:
    words, _ = first_word()
    assert words.wait(KEY, status(), status()) is None


def test_words_wait_longer_while_others_wait_for_work() -> None:
    words, clock = first_word()
    clock.busy = True
    words.wait(KEY, {}, status())
    clock.now += AT_MOST - 1
    assert words.wait(KEY, {}, status()) == MOMENT
    clock.now += 1
    assert words.wait(KEY, {}, status()) is None


def test_a_model_made_anew_waits_anew() -> None:
    words, clock = first_word()
    words.wait(KEY, {}, status())
    words.forget(KEY)
    clock.now += 60
    assert words.wait(KEY, {}, status()) == MOMENT
