"""The chart's values: described, held to a schema, and the README tells the same."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.chart.rendering import run
from tests.chart.values import CHART, comments, described, generated


def test_the_schema_and_the_readme_say_what_values_yaml_says() -> None:
    for path, content in generated().items():
        assert path.read_text() == content, "run `make values`"


def test_the_default_values_satisfy_their_own_schema_and_leave_none_out() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    del schema["properties"]["global"]
    _same_names(schema, values)


def test_a_comment_is_that_of_the_key_below_it() -> None:
    text = "# Of all.\n\n# One.\n# Goes on.\na:\n  # Two.\n  b: 1\n  c: {d: 2}\n# Three.\ne: [1]\n"
    assert comments(text) == {("a",): "One. Goes on.", ("a", "b"): "Two.", ("e",): "Three."}


def test_a_value_without_a_comment_is_refused() -> None:
    with pytest.raises(KeyError, match="b"):
        described({"properties": {"a": {}, "b": {}}}, comments("# One.\na: 1\nb: 2\n"))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("workers=0", "workers"),
        ("image.repository=", "image/repository"),
        ("image.pullPolicy=Sometimes", "image/pullPolicy"),
        ("watchNamespaces={A_B}", "watchNamespaces/0"),
        ("watchNamespaces={a,a}", "watchNamespaces"),
        ("namespaces={a}", "namespaces"),
        ("drainSeconds=5", "drainSeconds"),
        ("log.level=TRACE", "log/level"),
        ("metrics.serviceMonitor.interval=often", "metrics/serviceMonitor/interval"),
        ("analysis.prometheusUrl=prometheus:9090", "analysis/prometheusUrl"),
        ("analysis.prometheusUrl=http://me@prometheus:9090", "analysis/prometheusUrl"),
        ("analysis.webhookHosts={https://hooks.example}", "analysis/webhookHosts/0"),
        ("analysis.webhookHosts={*.example}", "analysis/webhookHosts/0"),
        ("analysis.webhookHosts={a@hooks.example}", "analysis/webhookHosts/0"),
        ("networkPolicy.apiServer.ports={0}", "networkPolicy/apiServer/ports/0"),
        ("networkPolicy.apiServer.cidrs={10.0.0.1}", "networkPolicy/apiServer/cidrs/0"),
        ("topologySpreadConstraints[0].maxSkew=1", "topologySpreadConstraints/0"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: str, named: str) -> None:
    done = run("template", "x", CHART, "--set", value)
    assert done.returncode != 0
    assert named in done.stderr


def _same_names(schema: dict[str, Any], values: Any) -> None:
    if "properties" in schema:
        assert set(schema["properties"]) == set(values)
        assert schema["additionalProperties"] is False
        for name, part in schema["properties"].items():
            _same_names(part, values[name])
