-- retry: of the rejected revision that the spec asks for. The time makes each click a request of its own.
local os = require("os")

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

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["onnx-operator.dev/action"] = "retry@" .. rejected_and_asked_for() .. "#argocd-" .. os.time()
return obj
