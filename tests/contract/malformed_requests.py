"""Requests made from good ones by small accidents: what a careless client, a broken proxy or an attacker sends."""

import copy
import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

_LENGTH = "Inference-Header-Content-Length"
# Deeper than any tensor, and less deep than what JSON parsers refuse.
_NESTED: Any = [1]
for _ in range(300):
    _NESTED = [_NESTED]
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64 - 1, 0.5, -0.0, 1e308, "", "x", "x" * 5000),
    *("\u0000", "\ud7ff", "FP32", "BYTES", "data", [], [[]], [1, [2]], [None], ["a", 1], {}, {"name": "IN_F"}, [{}]),
    *([0] * 100, [1.5] * 2000, ["a"] * 100, [2**40, 2**40], _NESTED),
)
_KEYS = (
    "name",
    "datatype",
    "shape",
    "data",
    "parameters",
    "inputs",
    "outputs",
    "id",
    "binary_data_size",
    "binary_data",
)
_LENGTHS = ("0", "1", "-1", "00", "1e3", "0x10", " ", "", "+5", "2147483648", "99999999999999999999", "nan", "\xb2")


@dataclass(frozen=True)
class Made:
    """A request: what was done to the good one, its body and its headers beside Content-Length."""

    how: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Good:
    """A request that is answered with 200: a document and the binary tensors after it (none: JSON alone)."""

    document: dict[str, Any]
    tail: bytes

    def made(self, how: str = "good") -> Made:
        head = json.dumps(self.document).encode()  # orjson refuses to write deep nesting
        return Made(how, head + self.tail, {_LENGTH: str(len(head))} if self.tail else {})


def make(rng: random.Random, good: Good) -> Made:
    """Return `good` after one to three accidents."""
    made = _structure(rng, good) if rng.random() < 0.6 else good.made("")
    for accident in rng.choices(_ACCIDENTS, _WEIGHTS, k=rng.choice((0, 1, 1, 2) if made.how else (1, 1, 2))):
        made = accident(rng, made)
    return made


def _structure(rng: random.Random, good: Good) -> Made:
    document = copy.deepcopy(good.document)
    for _ in range(rng.choice((1, 1, 2, 4))):
        owner, key = _place(rng, document)
        kind = rng.randrange(6)
        if kind == 0:
            owner[key] = copy.deepcopy(rng.choice(_ODD))
        elif kind == 1:
            del owner[key]
        elif kind == 2 and isinstance(owner, list):
            owner.insert(rng.randrange(len(owner) + 1), copy.deepcopy(owner[key]))
        elif kind == 3 and isinstance(owner, dict):
            owner[rng.choice(_KEYS)] = owner.pop(key)
        elif kind == 4 and isinstance(owner, list):
            rng.shuffle(owner)
        else:
            owner[key] = [owner[key]] if rng.random() < 0.5 else {"data": owner[key]}
        if not document:
            break
    return replace(Good(document, good.tail).made(), how="structure")


def _place(rng: random.Random, document: dict[str, Any]) -> tuple[Any, Any]:
    """Return a container of the document and one of its keys, deeper ones as likely as others."""
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [document]
    while waiting:
        owner = waiting.pop()
        keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))[:8]
        places += [(owner, key) for key in keys]
        waiting += [owner[key] for key in keys if isinstance(owner[key], dict | list)]
    return rng.choice(places)


def _flip(rng: random.Random, made: Made) -> Made:
    body = bytearray(made.body)
    for _ in range(rng.choice((1, 1, 3, 20))):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    return replace(made, how=made.how + " flip", body=bytes(body))


def _cut(rng: random.Random, made: Made) -> Made:
    kept = rng.randrange(len(made.body) + 1)
    return replace(made, how=made.how + " cut", body=made.body[:kept] if rng.random() < 0.8 else made.body[kept:])


def _append(rng: random.Random, made: Made) -> Made:
    return replace(made, how=made.how + " append", body=made.body + rng.randbytes(rng.choice((1, 4, 64, 4096))))


def _splice(rng: random.Random, made: Made) -> Made:
    start, size = rng.randrange(len(made.body) + 1), rng.choice((1, 8, 64))
    piece = made.body[start : start + size]
    at = rng.randrange(len(made.body) + 1)
    return replace(made, how=made.how + " splice", body=made.body[:at] + piece + made.body[at:])


def _lie(rng: random.Random, made: Made) -> Made:
    told = rng.choice(_LENGTHS) if rng.random() < 0.5 else str(rng.randrange(len(made.body) + 3))
    return replace(made, how=made.how + " length", headers={**made.headers, _LENGTH: told})


def _silence(_rng: random.Random, made: Made) -> Made:
    headers = {key: value for key, value in made.headers.items() if key != _LENGTH}
    return replace(made, how=made.how + " no length", headers=headers)


def _compress(rng: random.Random, made: Made) -> Made:
    encoding = rng.choice(("gzip", "deflate"))
    packed = gzip.compress(made.body, 1) if encoding == "gzip" else zlib.compress(made.body, 1)
    accident = rng.randrange(5)
    if accident == 0:
        packed = packed[: rng.randrange(len(packed) + 1)]
    elif accident == 1:
        packed = _flip(rng, replace(made, body=packed)).body
    elif accident == 2:
        encoding = rng.choice(("gzip", "deflate", "br", "gzip, gzip", "identity", "\xff", ""))
    return replace(
        made, how=f"{made.how} {encoding}", body=packed, headers={**made.headers, "Content-Encoding": encoding}
    )


def _bomb(rng: random.Random, made: Made) -> Made:
    """About a thousand times as large when unpacked; some behind a good beginning."""
    start = made.body if rng.random() < 0.5 else b""
    body = gzip.compress(start + bytes(20_000_000), 1)
    return replace(made, how=made.how + " bomb", body=body, headers={**made.headers, "Content-Encoding": "gzip"})


def _ask_compressed(rng: random.Random, made: Made) -> Made:
    wanted = rng.choice(("gzip", "deflate;q=0.1, gzip", "gzip;q=x", "*", ";;q=", "gzip;q=nan", "br"))
    return replace(made, how=made.how + " accept", headers={**made.headers, "Accept-Encoding": wanted})


Accident = Callable[[random.Random, Made], Made]
_CHOICES: dict[Accident, int] = {
    _flip: 8,
    _cut: 6,
    _append: 4,
    _splice: 4,
    _lie: 6,
    _silence: 2,
    _compress: 4,
    _bomb: 1,
    _ask_compressed: 2,
}
_ACCIDENTS, _WEIGHTS = tuple(_CHOICES), tuple(_CHOICES.values())
