"""The same user meets the same revision."""

from hashlib import blake2b

_PLACES = 10_000


def place(revision: str, value: bytes) -> int:
    """Return where the user `value` stands on the way to `revision`, 0 to 9,999: the same in each pod.

    It depends on the revision, so that the first users of one rollout are not those of each.
    """
    hashed = blake2b(revision.encode() + b"\0" + value, digest_size=8).digest()
    return int.from_bytes(hashed, "big") % _PLACES


def to_candidate(revision: str, value: bytes, weight: int) -> bool:
    """Return whether the user is among `weight` percent. A weight that grows takes nobody back."""
    return place(revision, value) * 100 < weight * _PLACES
