"""The model's signature as a server reports it, made safe to keep: what runs in the pod may be anybody's image."""

import json
from typing import Any

from pydantic import ValidationError

from onnx_operator.api.status import Signature

Object = dict[str, Any]

# It is kept in an annotation (all of an object's together have 256 KiB) and in the status.
LONGEST = 32 * 1024
PARTS = ("inputs", "outputs")
FIELDS = ("name", "datatype", "shape")


def signature_of(reported: Any) -> Object | None:
    """Return the signature in the status' form; None if there is none, it is malformed, or too long to keep.

    Fields of a newer server that this operator does not know are left out.
    """
    if not isinstance(reported, dict):
        return None
    try:
        parts = {part: [{field: tensor[field] for field in FIELDS} for tensor in reported[part]] for part in PARTS}
        made = Signature.model_validate(parts).model_dump()
    except (KeyError, TypeError, ValidationError):
        return None
    return made if len(json.dumps(made)) <= LONGEST else None
