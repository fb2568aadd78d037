"""Reads and removes the packet filter's rules that a Kubernetes node leaves behind."""

import re
from collections.abc import Iterator
from typing import Final

from .commands import run
from .programs import find

FAMILIES: Final = ("iptables", "ip6tables")
KUBERNETES: Final = re.compile(r"(KUBE|CNI)-")


def save(family: str) -> str:
    """Return the rules of one family (`iptables` or `ip6tables`), as its `-save` program writes them."""
    return run([find(f"{family}-save")])


def restore(family: str, rules: str) -> None:
    """Apply rules in one step, and keep all others."""
    run([find(f"{family}-restore"), "--noflush"], given=rules, what=f"{family}-restore")


def kubernetes_chains() -> list[str]:
    """Return the names of the chains that a Kubernetes node or its CNI plugins have made here."""
    return [
        name
        for family in FAMILIES
        for name in re.findall(r"^:(\S+)", save(family), re.MULTILINE)
        if KUBERNETES.match(name)
    ]


def clean(ours: str) -> None:
    """Remove the chain `ours`, Kubernetes' chains, and every rule that jumps into one of them."""
    for family in FAMILIES:
        if removal := "\n".join(removing(save(family), ours)):
            restore(family, f"{removal}\n")


def removing(saved: str, ours: str) -> Iterator[str]:
    """Turn saved rules into input to iptables-restore that removes what `clean` is to remove, table by table."""
    for table in re.findall(r"^\*(\S+)\n(.*?)^COMMIT", saved, re.MULTILINE | re.DOTALL):
        name, body = table
        chains = [
            chain for chain in re.findall(r"^:(\S+)", body, re.MULTILINE) if KUBERNETES.match(chain) or chain == ours
        ]
        if not chains:
            continue
        yield f"*{name}"
        for rule in re.findall(r"^-A .*", body, re.MULTILINE):
            source, target = rule.split()[1], re.search(r" -[jg] (\S+)", rule)
            if target and target[1] in chains and source not in chains:
                yield f"-D{rule.removeprefix('-A')}"
        # All are emptied before the first is deleted, because they jump into each other.
        yield from (f"-F {chain}" for chain in chains)
        yield from (f"-X {chain}" for chain in chains)
        yield "COMMIT"
