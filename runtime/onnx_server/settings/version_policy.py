"""Which of a model's versions in a repository serve."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from onnx_server.settings.base import Strict


class VersionPolicy(Strict):
    """Which versions serve, of a model that has several. Requests that name none go to the highest that serves."""

    mode: Literal["Latest", "All", "Specific"] = Field(
        default="Latest", description="Latest: the highest `latest` ones. All. Specific: those in `versions`."
    )
    latest: int = Field(default=1, ge=1, description="With mode Latest: how many versions serve.")
    versions: list[Annotated[int, Field(ge=1)]] = Field(
        default=[], description="With mode Specific: the versions that serve; all of them must be there."
    )

    @model_validator(mode="after")
    def _versions_are_those_of_mode_specific(self) -> Self:
        if (self.mode == "Specific") != bool(self.versions):
            msg = f"'versions' goes with mode Specific, and only with it, got mode {self.mode} and {self.versions}"
            raise ValueError(msg)
        return self

    def choose(self, versions: Sequence[str]) -> list[str]:
        """Return which of `versions`, ascending decimal numbers, serve; ascending.

        Raises LookupError, with one sentence, where one that is asked for is not there.
        """
        if self.mode == "All":
            return list(versions)
        if self.mode == "Latest":
            return list(versions[-self.latest :])
        asked = {str(version) for version in self.versions}
        if missing := sorted(asked.difference(versions), key=int):
            msg = f"versionPolicy asks for version {', '.join(missing)}, there is {', '.join(versions)}"
            raise LookupError(msg)
        return [version for version in versions if version in asked]
