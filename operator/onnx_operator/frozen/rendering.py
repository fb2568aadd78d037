"""What is frozen when a revision is made: the data of its ControllerRevision."""

from dataclasses import dataclass
from typing import Any

import yaml

from onnx_operator.api.spec import Spec
from onnx_operator.frozen.pod_template import pod_template
from onnx_operator.frozen.server_config import server_config

SERVER_CONFIG = "server.yaml"
# In C where PyYAML was built with it: a new revision's first write waits for this.
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class Defaults:
    """What the chart gives to new revisions. ``drain_seconds`` in seconds."""

    server_image: str
    drain_seconds: int = 5


def render(model: str, revision: str, spec: Spec, defaults: Defaults) -> dict[str, Any]:
    """Return a revision's frozen data: what was declared, the pod template and the server's configuration file.

    The file is frozen as text: another version of the operator, or of what writes YAML, must not change a letter of it.
    """
    config = server_config(model, revision, spec, defaults.drain_seconds)
    return {
        "declared": spec.frozen(),
        "template": pod_template(model, revision, spec, defaults.server_image, defaults.drain_seconds),
        "config": {SERVER_CONFIG: yaml.dump(config, Dumper=DUMPER, sort_keys=True)},
    }
