"""What the steps of the demo hand on to each other."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from .client import Endpoint
from .digits import Digits
from .errors import DemoError
from .local_run import Answers
from .narration import Narrator
from .place import Images, Place
from .shell import Shell
from .store import Store
from .traffic import Traffic
from .train import Model

T = TypeVar("T")


@dataclass
class Scene:
    """One run of the demo. A step fills in what later steps need; `ending` closes what was opened.

    `local` holds each version's answers for all held-out digits, from ONNX Runtime in this process;
    `drawn` says which of those digits are drawn.
    """

    narrator: Narrator
    shell: Shell
    place: Place
    ending: ExitStack
    kill_operator: bool = False
    images: Images | None = None
    digits: Digits | None = None
    models: dict[int, Model] = field(default_factory=dict)
    local: dict[int, Answers] = field(default_factory=dict)
    drawn: tuple[int, ...] = ()
    store: Store | None = None
    endpoint: Endpoint | None = None
    traffic: Traffic | None = None


def made(thing: T | None) -> T:
    """Return what an earlier step made."""
    if thing is None:
        raise DemoError("a step of the demo came before the one that it needs")
    return thing
