"""The bare writer's objects are those of the template, under the names of the operator's run."""

import json

from benchmarks.operator.bare_writer import Template, requests
from benchmarks.operator.models import numbered
from benchmarks.operator.population import PREFIX


def test_objects_of_other_models_differ_in_the_name_only() -> None:
    first, second = numbered(PREFIX, 2)
    template = Template(f"/services/{first}-rev", json.dumps({"metadata": {"name": f"{first}-rev"}}))
    made = list(requests([template], 2))
    assert made[0] == (template.path, template.manifest.encode())
    assert made[1] == (f"/services/{second}-rev", template.manifest.replace(first, second).encode())
