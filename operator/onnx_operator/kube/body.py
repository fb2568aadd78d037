"""A request's body in bytes. It is JSON; but the API server reads a server-side apply as YAML, and YAML takes less."""

import re
from typing import Any

import orjson

# Raw, these are unprintable to YAML, which refuses the document, or ends of lines, which it makes spaces of.
# https://yaml.org/spec/1.2.2/#51-character-set
ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def encoded(body: dict[str, Any]) -> bytes:
    """Return the body as JSON that means the same when it is read as YAML."""
    raw = orjson.dumps(body)
    if raw.isascii() and b"\x7f" not in raw:
        return raw
    # They can only stand within strings there.
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", raw.decode()).encode()
