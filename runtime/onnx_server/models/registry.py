"""Which models there are, in which state, and which of their versions serve. Only the event loop changes it.

Who finds a version counts itself in its `statistics.in_flight` in the same turn of the event loop, and until its answer
is made: a version that was replaced or unloaded is closed once nobody is in flight on it (models/lifecycle.py).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import RequestError, unavailable

UNLOADED = "unloaded"
"""The reason of a version that is UNAVAILABLE because somebody wanted it so; Triton's word."""

_SHOWN = 5


class VersionState(StrEnum):
    """Triton's names. UNLOADING serves those who are in flight and nobody else."""

    LOADING = "LOADING"
    READY = "READY"
    UNLOADING = "UNLOADING"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(slots=True, eq=False)
class VersionRecord:
    """Where one version stands; `reason` says why it is UNAVAILABLE.

    `version` is empty where a model failed before it was known which of its versions are to be loaded.
    """

    version: str
    state: VersionState
    reason: str = ""


class Registry:
    """The models by name and version. `on_serve` is called with each version before it serves."""

    def __init__(self) -> None:
        self.on_serve: list[Callable[[Loaded], None]] = []
        self._serving: dict[str | tuple[str, str], Loaded] = {}
        self._loaded: dict[str, tuple[Loaded, ...]] = {}
        self._records: dict[str, dict[str, VersionRecord]] = {}
        self._all: tuple[Loaded, ...] = ()

    def __iter__(self) -> Iterator[Loaded]:
        """Yield what serves, by name and ascending version; other threads may iterate too."""
        return iter(self._all)

    def find(self, name: str, version: str | None) -> Loaded:
        """Return the version that answers, the highest if none is named.

        Raises RequestError: 404 if there is none or it was unloaded, 503 while it is loading or if it failed to load.
        """
        found = self._serving.get(name if version is None else (name, version))
        if found is None:
            raise self._missing(name, version)
        return found

    def serving(self, name: str) -> tuple[Loaded, ...]:
        """Return the versions of `name` that serve, ascending."""
        return self._loaded.get(name, ())

    def records(self) -> dict[str, list[VersionRecord]]:
        """Return where each version stands, of all models that were ever asked for."""
        return {name: list(records.values()) for name, records in list(self._records.items())}

    def begin(self, name: str, versions: Sequence[str]) -> None:
        """Say that these versions are being loaded. What serves meanwhile stays READY."""
        self._note(name, versions or [""], VersionState.LOADING)

    def failed(self, name: str, versions: Sequence[str], broken: str | None, reason: str) -> None:
        """Say that none of these versions was loaded: one is broken, or none was chosen. What serves stays READY."""
        self._note(name, versions or [""], VersionState.UNAVAILABLE, f"version {broken} could not be loaded")
        self._note(name, [broken or ""], VersionState.UNAVAILABLE, reason)

    def _note(self, name: str, versions: Sequence[str], state: VersionState, reason: str = "") -> None:
        """Record what became of the latest attempt: what an earlier one was about is forgotten."""
        records = self._records.setdefault(name, {})
        for version, record in list(records.items()):
            if not version or record.state == VersionState.LOADING:
                del records[version]
        for version in versions:
            if (name, version) not in self._serving and (version or name not in self._serving):
                records[version] = VersionRecord(version, state, reason)

    def serve(self, name: str, versions: Sequence[Loaded]) -> list[tuple[Loaded, VersionRecord]]:
        """Let these versions, ascending, be all of `name` that serves, from the next request on.

        Returns what served until now, for whoever closes it, each with the record to set UNAVAILABLE then.
        """
        records = self._records.setdefault(name, {})
        records.pop("", None)
        retired = []
        for old in self._loaded.pop(name, ()):
            del self._serving[name, old.version]
            record = records[old.version]
            record.state = VersionState.UNLOADING
            retired.append((old, record))
        for loaded in versions:
            for callback in self.on_serve:
                callback(loaded)
            self._serving[name, loaded.version] = loaded
            records[loaded.version] = VersionRecord(loaded.version, VersionState.READY)
        if versions:
            self._loaded[name] = tuple(versions)
            self._serving[name] = versions[-1]
        else:
            self._serving.pop(name, None)
        self._all = tuple(loaded for key in sorted(self._loaded) for loaded in self._loaded[key])
        return retired

    def why_not(self, name: str) -> str:
        """Say in a few words why the model does not serve."""
        records = self._records.get(name, {}).values()
        if any(record.state == VersionState.LOADING for record in records):
            return f"'{name}' is loading"
        broken = [record for record in records if record.reason not in {"", UNLOADED}]
        reasons = "; ".join(
            f"version {record.version}: {record.reason}".removeprefix("version : ") for record in broken
        )
        return f"'{name}' is unavailable" + (f" ({reasons})" if reasons else "")

    def _missing(self, name: str, version: str | None) -> RequestError:
        records = self._records.get(name)
        if records is None:
            return RequestError(404, f"unknown model '{name}': this server has {_listed(self._records)}")
        versions = [known for known in records if known]
        if version is not None and versions and version not in versions:
            return RequestError(404, f"unknown version '{version}' of model '{name}': there is {_listed(versions)}")
        what = f"the model '{name}'" if version is None else f"version '{version}' of the model '{name}'"
        asked = [record for record in records.values() if version is None or record.version in {"", version}]
        if any(record.state == VersionState.LOADING for record in asked):
            return unavailable(f"{what} is loading: try again")
        if broken := next((record.reason for record in asked if record.reason not in {"", UNLOADED}), None):
            return RequestError(503, f"{what} is unavailable: {broken}")
        return RequestError(404, f"{what} has no available versions: it was unloaded")


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in islice(names, _SHOWN))
    return (shown + (", …" if len(names) > _SHOWN else "")) or "none"
