"""The Lua files of docs/gitops/argocd, run as Argo CD runs them: Lua 5.1 with the base and table libraries alone.

https://github.com/argoproj/argo-cd/blob/master/util/lua/lua.go: `os` is to be had by require, with time and date.
"""

import copy
import json
from typing import Any

import pytest
from lupa import lua51

from onnx_operator.decide.actions import FORM
from tests.unit.operator.kubectl.generated import ACTIONS, ARGO
from tests.unit.operator.kubectl.recorded_states import STATES, model

Object = dict[str, Any]

KEPT = {
    *("_G", "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal"),
    *("rawget", "rawset", "require", "select", "setmetatable", "table", "tonumber", "tostring", "type", "unpack"),
}
SANDBOX = """
local kept = ...
local time, date = os.time, os.date
package.loaded.os = nil
package.preload.os = function() return {time = time, date = date} end
for name in pairs(_G) do
  if not kept[name] then _G[name] = nil end
end
"""

HEALTH = {
    "aborted": ("Degraded", "CandidateErrors: digits-bq24cmd5fz was taken back. At step 3/5: 31 of 580"),
    "capacity-pending": ("Progressing", "Preflight: digits-bq24cmd5fz waits for capacity: no node takes pod"),
    "deleting": ("Progressing", "It is being deleted."),
    "handing-over": ("Progressing", "HandingOver: digits-hzbw5b6dxn hands over"),
    "healthy": ("Healthy", "digits-bq24cmd5fz answers with 2 of 2 pods."),
    "inconclusive": ("Suspended", "digits-bq24cmd5fz stays at 0%: its analysis is inconclusive."),
    "not-acknowledged": ("Progressing", "Progressing: 1 of 2 pods"),
    "outdated": ("Progressing", "The operator has not seen this spec yet."),
    "paused": ("Suspended", "digits-bq24cmd5fz stays at 25%: somebody paused it."),
    "preflight": ("Progressing", "Preflight: digits-bq24cmd5fz waits for its first pod"),
    "progressing": ("Progressing", "Progressing: digits-bq24cmd5fz is judged by 25% until 12:34:16Z."),
    "promoting": ("Progressing", "Promoting: 1 of the 2 pods"),
    "quiet-rollback": ("Progressing", "RollingBack: digits-hzbw5b6dxn is asked for again"),
    "recreate": ("Progressing", "Preflight: digits-hzbw5b6dxn goes down before"),
    "rolled-back": ("Degraded", "RolledBack: digits-bq24cmd5fz was taken back. Somebody asked to go back"),
    "rolling-back": ("Degraded", "CandidateErrors: "),
    "shadow": ("Progressing", "Progressing: digits-bq24cmd5fz is judged by copies of 100% until 12:34:16Z."),
    "stalled": ("Degraded", "ModelNotFound: there is nothing at"),
    "starting": ("Progressing", "digits-hzbw5b6dxn loads"),
    "suspended": ("Suspended", "spec.state is Suspended"),
    "suspending": ("Progressing", "spec.state is Suspended: 2 pods still going down."),
    "unmanaged": ("Healthy", "digits-bq24cmd5fz answers"),
    "unseen": ("Progressing", "The operator has not seen it yet."),
}
ENABLED = {
    "aborted": {"retry"},
    "capacity-pending": {"promote", "abort", "pause"},
    "inconclusive": {"promote", "abort", "resume"},
    "not-acknowledged": {"promote", "abort", "pause"},
    "paused": {"promote", "abort", "resume"},
    "preflight": {"promote", "abort", "pause"},
    "progressing": {"promote", "abort", "pause"},
    "promoting": {"abort", "pause"},
    "recreate": {"promote", "abort", "pause"},
    "rolled-back": {"retry"},
    "rolling-back": {"retry"},
    "shadow": {"promote", "abort", "pause"},
}


def run(script: str, obj: Object) -> Any:
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.execute(SANDBOX, lua.table_from(dict.fromkeys(KEPT, True)))
    lua.globals().obj = lua.table_from(obj, recursive=True)
    return plain(lua.execute((ARGO / script).read_text()))


def plain(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    keys = list(value.keys())
    if keys == list(range(1, len(keys) + 1)):
        return [plain(value[key]) for key in keys]
    return {key: plain(value[key]) for key in keys}


@pytest.mark.parametrize("state", STATES)
def test_health(state: str) -> None:
    status, message = HEALTH[state]
    found = run("health.lua", model(state))
    assert found["status"] == status
    assert found["message"].startswith(message)


@pytest.mark.parametrize("state", STATES)
def test_actions_that_may_be_done(state: str) -> None:
    found = run("actions/discovery.lua", model(state))
    assert found.keys() == set(ACTIONS)
    assert {name for name, action in found.items() if not action["disabled"]} == ENABLED.get(state, set())


@pytest.mark.parametrize(
    ("state", "action"), [(state, action) for state, actions in ENABLED.items() for action in sorted(actions)]
)
def test_an_action_changes_one_annotation_that_the_operator_understands(state: str, action: str) -> None:
    before = model(state)
    after = run(f"actions/{action}/action.lua", copy.deepcopy(before))
    asked = FORM.fullmatch(after["metadata"]["annotations"].pop("onnx-operator.dev/action"))
    assert asked
    assert (asked["action"], asked["revision"]) == (action, "digits-bq24cmd5fz")
    assert asked["nonce"].removeprefix("argocd-").isdigit()
    before["metadata"].get("annotations", {}).pop("onnx-operator.dev/action", None)
    assert without_empty(after) == without_empty(before)


def test_other_annotations_stay() -> None:
    before = model("progressing")
    before["metadata"]["annotations"] = {"team": "vision"}
    after = run("actions/abort/action.lua", before)
    assert after["metadata"]["annotations"]["team"] == "vision"


def test_the_sandbox_is_as_bare_as_argo_cds() -> None:
    lua = lua51.LuaRuntime()
    lua.execute(SANDBOX, lua.table_from(dict.fromkeys(KEPT, True)))
    assert lua.execute("return string == nil and math == nil and os == nil and io == nil and package == nil")
    assert lua.execute("return require('os').time() > 0 and require('os').exit == nil")


def without_empty(value: Any) -> Any:
    """Return the value without empty lists and objects: Lua has one empty table for both, and Argo CD mends that."""
    text = json.dumps(value, sort_keys=True)

    def kept(pairs: list[tuple[str, Any]]) -> Object:
        return {key: inner for key, inner in pairs if inner not in ([], {})}

    return json.loads(text, object_pairs_hook=kept)
