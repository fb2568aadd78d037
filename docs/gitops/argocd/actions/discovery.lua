-- What may be done to an ONNXModel now: the buttons that Argo CD shows.
local enabled_in = {
  Preflight = {"promote", "abort", "pause"},
  Progressing = {"promote", "abort", "pause"},
  Paused = {"promote", "abort", "resume"},
  Promoting = {"abort", "pause"},
}
local actions = {}
for _, name in ipairs({"promote", "abort", "pause", "resume", "retry"}) do
  actions[name] = {disabled = true}
end
if obj.status == nil then
  return actions
end

-- The rejected revision that the spec asks for: the rollout names it until another one begins, such as the way back;
-- after that, what is stalled is what was rejected last.
local function rejected_and_asked_for()
  local rollout, rejected = obj.status.rollout, obj.status.rejected or {}
  for _, one in ipairs(rejected) do
    if rollout ~= nil and (rollout.phase == "RollingBack" or rollout.phase == "Aborted") and one.revision == rollout.revision then
      return one.revision
    end
  end
  for _, condition in ipairs(obj.status.conditions or {}) do
    if condition.type == "Stalled" and condition.status == "True" and rejected[1] ~= nil and condition.reason == rejected[1].reason then
      return rejected[1].revision
    end
  end
  return nil
end

local phase = obj.status.rollout ~= nil and obj.status.rollout.phase or ""
for _, name in ipairs(enabled_in[phase] or {}) do
  actions[name].disabled = false
end
if rejected_and_asked_for() ~= nil then
  actions.retry.disabled = false
end
return actions
