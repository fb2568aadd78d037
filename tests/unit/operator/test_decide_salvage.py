import json
from typing import Any

from onnx_operator import names
from onnx_operator.decide.roles import plan
from onnx_operator.desired.config_map import config_map
from onnx_operator.desired.deployment import deployment
from onnx_operator.desired.live_config_map import live_config_map
from onnx_operator.desired.service import entry_service
from onnx_operator.frozen.rendering import Defaults, render
from onnx_operator.observed import Observed, Revision
from tests.unit.operator.situations import DEFAULTS, EARLIER, digest, name_of, observed, ready_pod, spec

Object = dict[str, Any]

OLD, NEW = spec("s3://models/digits/1/"), spec("s3://models/digits/2/")
LATER = Defaults("example.test/server:newer", 30)


def frozen(asked: Any, number: int) -> Revision:
    name = name_of(asked)
    data = render("digits", name, asked, DEFAULTS)
    return Revision(name, number, data, digest=digest(), promoted_at=EARLIER)


def left_of(revision: Revision, at: Observed) -> dict[tuple[str, str], Object]:
    made = [deployment(at, revision), config_map(at, revision), live_config_map(at, revision)]
    return {(obj["kind"], obj["metadata"]["name"]): json.loads(json.dumps(obj)) for obj in made}


def test_what_was_frozen_outlives_its_controller_revision_and_todays_defaults() -> None:
    before = frozen(OLD, 4)
    at = observed(OLD, defaults=LATER)
    made = plan(observed(OLD, defaults=LATER, owned=left_of(before, at), pods={before.name: (ready_pod(),)}))
    assert made.wanted == before.name
    assert made.planned(before.name).revision.data == before.data
    assert made.planned(before.name).revision.number == 4
    assert made.planned(before.name).revision.digest == digest()


def test_a_serving_revision_that_lost_its_controller_revision_goes_on_serving() -> None:
    serving, older = frozen(NEW, 2), frozen(OLD, 1)
    at = observed(NEW)
    owned = left_of(serving, at) | {("Service", "digits"): entry_service(at, serving.name)}
    for asked in (NEW, OLD):
        made = plan(observed(asked, older, owned=owned, pods={serving.name: (ready_pod(),)}))
        assert made.stable == serving.name, "clients reach it"


def test_what_we_did_not_make_is_not_taken_for_a_revision() -> None:
    before = frozen(OLD, 1)
    for text in ("", "{", "[]", '{"declared": {}, "number": 1}', '{"declared": 3}'):
        owned = left_of(before, observed(OLD))
        owned["Deployment", before.name]["metadata"]["annotations"][names.ANNOTATION_FROZEN] = text
        made = plan(observed(NEW, owned=owned))
        assert [planned.revision.name for planned in made.revisions] == [name_of(NEW)]
