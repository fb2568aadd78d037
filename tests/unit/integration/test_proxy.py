"""What the proxy of the integration tests makes of calls, rules and events."""

import json

import pytest

from tests.integration.proxy.calls import Call
from tests.integration.proxy.events import Editor, Edits, EventRule, Way
from tests.integration.proxy.faults import Answer, Silence
from tests.integration.proxy.plan import Plan, Rule, any_write
from tests.integration.proxy.record import busiest


@pytest.mark.parametrize(
    ("path", "resource", "namespace", "name"),
    [
        ("/api/v1/namespaces/a/pods", "pods", "a", None),
        ("/api/v1/pods", "pods", None, None),
        ("/api/v1/namespaces/a", "namespaces", None, "a"),
        ("/api/v1/namespaces", "namespaces", None, None),
        ("/apis/apps/v1/namespaces/a/deployments/d/scale", "deployments/scale", "a", "d"),
        ("/apis/onnx-operator.dev/v1alpha1/namespaces/a/onnxmodels/m/status", "onnxmodels/status", "a", "m"),
        ("/apis/coordination.k8s.io/v1/namespaces/o/leases/l", "leases", "o", "l"),
        ("/apis/apps/v1", "", None, None),
        ("/apis", "", None, None),
        ("/api/v1", "", None, None),
    ],
)
def test_a_path_says_what_a_call_is_about(path: str, resource: str, namespace: str | None, name: str | None) -> None:
    call = Call.of("GET", path)
    assert (call.resource, call.namespace, call.name) == (resource, namespace, name)


def test_lists_and_watches_and_writes_are_told_apart() -> None:
    pods = "/api/v1/namespaces/a/pods"
    assert Call.of("GET", pods).listing
    assert not Call.of("GET", f"{pods}/p").listing
    assert not Call.of("GET", "/apis").listing
    watch = Call.of("GET", pods, "watch=true&resourceVersion=5")
    assert (watch.watch, watch.listing, watch.write) == (True, False, False)
    assert [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if Call.of(method, pods).write] == [
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
    ]


def test_lists_that_select_the_same_are_alike_whatever_their_pages() -> None:
    one = Call.of("GET", "/api/v1/pods", "limit=500&labelSelector=a%3Db")
    other = Call.of("GET", "/api/v1/pods", "labelSelector=a%3Db&resourceVersion=0")
    assert one.selection == other.selection
    assert one.selection != Call.of("GET", "/api/v1/pods", "labelSelector=a%3Dc").selection
    assert one.selection != Call.of("GET", "/api/v1/namespaces/a/pods", "labelSelector=a%3Db").selection


def get(namespace: str) -> Call:
    return Call.of("GET", f"/api/v1/namespaces/{namespace}/pods/p")


def put(namespace: str) -> Call:
    return Call.of("PUT", f"/api/v1/namespaces/{namespace}/pods/p")


def test_a_rule_strikes_the_nth_call_of_its_namespace_alone() -> None:
    plan = Plan()
    rule = plan.add(Rule(Answer(503), "a", first=2, last=3))
    calls = [get("a"), get("b"), get("a"), get("b"), get("a"), get("a")]
    assert [plan.fault(call) is not None for call in calls] == [False, False, True, False, True, False]
    assert (rule.seen, rule.struck) == (4, 2)


def test_a_rule_counts_only_what_it_matches_and_no_longer_than_it_holds() -> None:
    plan = Plan()
    rule = plan.add(Rule(Silence(), "a", any_write, first=2))
    assert [plan.fault(call) for call in (put("a"), get("a"), put("a"), put("a"))] == [None, None, Silence(), Silence()]
    plan.end(rule)
    assert plan.fault(put("a")) is None
    assert rule.struck == 2


def test_a_rule_for_all_strikes_what_has_no_namespace_too_and_the_first_of_two_counts() -> None:
    plan = Plan()
    everything = plan.add(Rule(Answer(500)))
    later = plan.add(Rule(Answer(409), "a"))
    assert plan.fault(Call.of("GET", "/apis")) == Answer(500)
    assert plan.fault(get("a")) == Answer(500)
    assert (everything.struck, later.struck) == (2, 1)


def event(name: str, namespace: str = "a", type_: str = "MODIFIED") -> bytes:
    return json.dumps({"type": type_, "object": {"metadata": {"namespace": namespace, "name": name}}}).encode() + b"\n"


@pytest.mark.parametrize(
    ("way", "passed"), [("drop", "134"), ("double", "12234"), ("reorder", "1324")], ids=["drop", "double", "reorder"]
)
def test_one_event_is_dropped_doubled_or_overtaken(way: Way, passed: str) -> None:
    edits = Edits()
    rule = edits.add(EventRule("a", "pods", 2, way))
    editor, others = Editor(edits, "pods"), Editor(edits, "services")
    out = [line for name in "1234" for line in editor.passed(event(name))]
    assert [json.loads(line)["object"]["metadata"]["name"] for line in out] == list(passed)
    assert rule.struck == 1
    assert others.passed(event("1")) == [event("1")]


def test_events_of_other_namespaces_and_bookmarks_neither_count_nor_overtake() -> None:
    edits = Edits()
    edits.add(EventRule("a", "pods", 1, "reorder"))
    editor = Editor(edits, "pods")
    bookmark = b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}\n'
    assert editor.passed(bookmark) == [bookmark]
    assert editor.passed(event("1", "b")) == [event("1", "b")]
    assert editor.passed(event("1")) == []
    assert editor.passed(event("2", "b")) == [event("2", "b")]
    assert editor.holds
    assert editor.let_go() == [event("1")]
    assert not editor.holds


def test_the_busiest_second_is_found_wherever_it_begins() -> None:
    assert busiest([]) == 0
    assert busiest([0.0, 0.9, 1.0, 1.1, 1.8, 5.0]) == 4
    assert busiest([0.0, 1.0, 2.0]) == 1
