"""The chart's release on the cluster, by helm as a user calls it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import tools

CHART = Path(__file__).parents[2] / "charts" / "onnx-operator"


@dataclass(frozen=True)
class Release:
    """The release `onnx-operator`; `references` are the images on the node, `build` stands for their contents."""

    kubeconfig: Path
    namespace: str
    references: dict[str, str]

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

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run `helm test`."""
        return self._helm("test", "onnx-operator", "--timeout", "120s")

    def _helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(tools.binary("helm")), *arguments]
        command += ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
