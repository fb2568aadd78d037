"""YAML as settings are written in it: On and Off are words, as in YAML 1.2; true and false are booleans."""

import re
from typing import Any

import yaml

_BOOLEAN = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """YAML without 1.1's further names of booleans: `mode: Off` would be `mode: false` else."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def parse(text: str | bytes) -> Any:
    """Return what `text` says. Raises yaml.YAMLError."""
    return yaml.load(text, _Loader)  # noqa: S506  a safe loader
