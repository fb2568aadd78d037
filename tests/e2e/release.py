"""The chart's release on the cluster, by helm as a user calls it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import tools

CHART = Path(__file__).parents[2] / "charts" / "onnx-operator"


@dataclass(frozen=True)
class Release:
    """The release `onnx-operator`; `references` are the images on the node, `build` stands for their contents."""

    kubeconfig: Path
    namespace: str
    references: dict[str, str]
    changes_of_rights: list[tuple[datetime, datetime]] = field(default_factory=list)

    def install(self, **changed: str) -> subprocess.CompletedProcess[str]:
        """Install or upgrade it, and wait; `changed` are values as helm's --set takes them, with _ for the dots."""
        values = {
            # The image's name stays when it is built anew; this brings the new one into a cluster that was kept.
            "podAnnotations.build": self.references["build"],
            "image.repository": self.references["operator"].rpartition(":")[0],
            "image.tag": self.references["operator"].rpartition(":")[2],
            "server.image.repository": self.references["server"].rpartition(":")[0],
            "server.image.tag": self.references["server"].rpartition(":")[2],
        }
        given = {name.replace("_", "."): value for name, value in changed.items()}
        # helm lets --set-string win over --set, whatever their order.
        options = [f"--set-string={name}={value}" for name, value in values.items() if name not in given]
        options += [f"--set={name}={value}" for name, value in given.items()]
        waiting = ["--wait", "--timeout", "120s"]
        return self._helm("upgrade", "--install", "onnx-operator", str(CHART), "--create-namespace", *waiting, *options)

    def uninstall(self) -> subprocess.CompletedProcess[str]:
        """Take it away, and wait until its pods are gone."""
        return self._helm("uninstall", "onnx-operator", "--wait", "--timeout", "120s")

    @contextmanager
    def changing_rights(self) -> Iterator[None]:
        """Note the time in which helm takes the rights of replicas away that have not ended yet."""
        began = datetime.now(UTC)
        yield
        self.changes_of_rights.append((began, datetime.now(UTC)))

    def was_changing_rights(self, moment: datetime) -> bool:
        """Whether replicas that were being replaced had lost their rights at this moment."""
        return any(began <= moment <= ended for began, ended in self.changes_of_rights)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run `helm test`."""
        return self._helm("test", "onnx-operator", "--timeout", "120s")

    def _helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(tools.binary("helm")), *arguments]
        command += ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
