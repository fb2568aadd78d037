"""What the toggles of monitoring and of the network policy make, and that nothing of it is made without them."""

import re

from onnx_operator.metrics import Metrics
from tests.chart.rendering import Object, of_kind, operator_pod, render

METRIC = re.compile(r"onnx_operator_[a-z_]+")
GAUGES = {
    "onnx_operator_leader",
    "onnx_operator_queue_depth",
    "onnx_operator_queue_oldest_seconds",
    "onnx_operator_rollout_check_verdict",
    "onnx_operator_rollout_phase",
}
"""Those that the process adds when it starts."""


def test_without_toggles_nothing_needs_the_prometheus_operator() -> None:
    documents = render()
    assert not [document for document in documents if "monitoring.coreos.com" in document["apiVersion"]]
    assert not of_kind(documents, "NetworkPolicy")


def test_the_service_leads_to_each_replicas_metrics() -> None:
    documents = render("metrics.service.annotations.prometheus\\.io/path=/metrics")
    (service,) = of_kind(documents, "Service")
    (deployment,) = of_kind(documents, "Deployment")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["metadata"]["annotations"] == {"prometheus.io/path": "/metrics"}
    (port,) = service["spec"]["ports"]
    (container,) = operator_pod(documents)["containers"]
    assert {"name": port["targetPort"], "containerPort": port["port"]} in container["ports"]


def test_the_service_monitor_scrapes_that_service() -> None:
    documents = render(
        "metrics.serviceMonitor.enabled=true",
        "metrics.serviceMonitor.labels.release=prometheus",
        "metrics.serviceMonitor.interval=10s",
    )
    (monitor,) = of_kind(documents, "ServiceMonitor")
    (service,) = of_kind(documents, "Service")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "10s"}


def test_alerts_are_about_metrics_that_there_are_and_about_this_release() -> None:
    values = ("metrics.prometheusRule.enabled=true", "metrics.prometheusRule.labels.release=prometheus")
    (rule,) = of_kind(render(*values, release="mine"), "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    (group,) = rule["spec"]["groups"]
    assert len({alert["alert"] for alert in group["rules"]}) == len(group["rules"]) > 4
    existing = GAUGES | _names()
    for alert in group["rules"]:
        named = METRIC.findall(alert["expr"])
        assert named
        assert set(named) <= existing, alert["alert"]
        ours = 'namespace="onnx-operator",service="mine-onnx-operator-metrics"'
        assert alert["expr"].count(ours) == len(named)
        assert set(alert["annotations"]) == {"summary", "runbook"}


def test_the_network_policy_lets_through_what_the_operator_needs() -> None:
    policy = _policy()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": "health"}]}]
    api, dns, control = policy["egress"]
    assert api == {"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}]}
    assert [(port["protocol"], port["port"]) for port in dns["ports"]] == [("UDP", 53), ("TCP", 53)]
    assert control["ports"] == [{"protocol": "TCP", "port": 9000}]
    (pods,) = control["to"]
    assert pods == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "onnx-operator"}},
        "namespaceSelector": {},
    }


def test_the_network_policy_lets_through_what_is_named_besides() -> None:
    *_, control, mine = _policy("networkPolicy.egress[0].ports[0].port=9090")["egress"]
    assert control["ports"] == [{"protocol": "TCP", "port": 9000}]
    assert mine == {"ports": [{"port": 9090}]}


def test_the_network_policy_is_as_narrow_as_it_is_told() -> None:
    policy = _policy(
        "watchNamespaces={a,b}",
        "networkPolicy.apiServer.cidrs={10.0.0.1/32,fd00::1/128}",
        "networkPolicy.apiServer.ports={16443}",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=metrics",
    )
    (ingress,) = policy["ingress"]
    test, prometheus = ingress["from"]
    assert test["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "onnx-operator-test"
    assert prometheus == {"namespaceSelector": {"matchLabels": {"team": "metrics"}}}
    api, _, control = policy["egress"]
    assert api == {
        "ports": [{"protocol": "TCP", "port": 16443}],
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}, {"ipBlock": {"cidr": "fd00::1/128"}}],
    }
    (expression,) = control["to"][0]["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["a", "b"]


def _policy(*values: str) -> Object:
    (policy,) = of_kind(render("networkPolicy.enabled=true", *values), "NetworkPolicy")
    spec: Object = policy["spec"]
    return spec


def _names() -> set[str]:
    """Return the names of the metrics that are in the registry, counters as they are written."""
    families = Metrics().registry.collect()
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
