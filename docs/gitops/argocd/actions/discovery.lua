-- What may be done to an ONNXModel now: the buttons that Argo CD shows.
local actions = {}
for _, name in ipairs({"promote", "abort", "pause", "resume", "retry"}) do
  actions[name] = {disabled = true}
end
if obj.status == nil then
  return actions
end

local phase = obj.status.rollout ~= nil and obj.status.rollout.phase or ""
if phase == "Progressing" or phase == "Paused" then
  actions.promote.disabled = false
end
if phase == "Preflight" or phase == "Progressing" or phase == "Paused" or phase == "Promoting" then
  actions.abort.disabled = false
end
if phase == "Progressing" then
  actions.pause.disabled = false
end
if phase == "Paused" then
  actions.resume.disabled = false
end
for _, rejected in ipairs(obj.status.rejected or {}) do
  if rejected.revision == obj.status.candidateRevision then
    actions.retry.disabled = false
  end
end
return actions
