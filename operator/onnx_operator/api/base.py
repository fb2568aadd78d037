"""What the API types share: their base, and validation rules in the form that the CRD carries."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class ApiModel(BaseModel):
    """Base of the API types: camelCase names as in Kubernetes, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def rule(expression: str, message: str) -> dict[str, Any]:
    """Return a CEL validation rule in the form that the CRD carries."""
    return {"rule": expression, "message": message}
