"""The results of all scenarios that were played, kept as JSON: what tables are made of."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine

Object = dict[str, Any]


@dataclass
class Results:
    """By scenario: `values` as it returned them, time (`at`), `commit`, and the conditions they were measured under."""

    scenarios: dict[str, Object] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Results":
        """Read what was kept; nothing if nothing was."""
        return cls(json.loads(file.read_text())) if file.exists() else cls()

    def write(self, file: Path) -> None:
        """Keep them."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.scenarios, indent=1, ensure_ascii=False))

    def add(self, name: str, values: Object, conditions: Object) -> None:
        """Take in what a scenario has returned just now."""
        self.scenarios[name] = {"at": machine.now(), "commit": machine.commit(), **conditions, "values": values}

    def of(self, name: str) -> Object | None:
        """Return what a scenario returned; None if it was never played."""
        found = self.scenarios.get(name)
        return None if found is None else found["values"]
