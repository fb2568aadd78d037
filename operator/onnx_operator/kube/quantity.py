"""Kubernetes quantities, compared by what they are worth."""

from decimal import Decimal, InvalidOperation

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
SUFFIXES = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
}


def parse(quantity: int | float | str) -> Decimal | None:
    """Return the value of a quantity such as ``"1000m"``, ``"2Gi"`` or ``1``; None if it is not one."""
    text = str(quantity).strip()
    suffix = next((suffix for suffix in SUFFIXES if text.endswith(suffix)), "")
    number, factor = text.removesuffix(suffix), SUFFIXES.get(suffix, Decimal(1))
    try:
        return Decimal(number) * factor
    except InvalidOperation:
        return None
