-- Health of an ONNXModel for Argo CD. Without Lua's standard libraries: Argo CD gives none to a customization.
-- Degraded: somebody has to act. Suspended: somebody may go on. Progressing: wait. Healthy: what the spec asks for serves.
local function health(status, message)
  return {status = status, message = message or ""}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "It is being deleted.")
end
if obj.status == nil or obj.status.conditions == nil then
  return health("Progressing", "The operator has not seen it yet.")
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not seen this spec yet.")
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local ready, reconciling, stalled = conditions.Ready, conditions.Reconciling, conditions.Stalled

-- A rejected version is Degraded even while the old one serves: what git asks for is not what runs.
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled.reason .. ": " .. stalled.message)
end
if obj.status.rollout ~= nil and obj.status.rollout.phase == "Paused" then
  return health("Suspended", obj.status.rollout.message)
end
if reconciling ~= nil and reconciling.status == "True" then
  local rollout = obj.status.rollout
  if rollout ~= nil and rollout.message ~= nil then
    return health("Progressing", rollout.phase .. ": " .. rollout.message)
  end
  return health("Progressing", reconciling.message)
end
if ready == nil then
  return health("Progressing", "The operator has not said yet whether it is ready.")
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
if ready.reason == "Suspended" then
  return health("Suspended", ready.message)
end
return health("Degraded", ready.reason .. ": " .. ready.message)
