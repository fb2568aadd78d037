"""Trouble: what keeps a model from being as its spec asks, in words that a user can act on."""

from dataclasses import dataclass

# Characters of what others said, so that the remedy behind it is not cut off the condition's message.
LONGEST = 600


@dataclass(frozen=True)
class Trouble:
    """What keeps a revision from serving. ``stuck`` if it will not pass unless somebody changes something.

    ``passing``: as far as anybody can see it is stuck, and yet the next try may succeed: a rollout waits for it.
    """

    reason: str
    message: str
    stuck: bool = True
    passing: bool = False


def sentence(text: str) -> str:
    """Return the text with an end, so that another sentence can follow."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def shortened(text: str) -> str:
    """Return what somebody else said, without its end if it is long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
