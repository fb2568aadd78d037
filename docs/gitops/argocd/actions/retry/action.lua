-- retry: of the rejected revision that the spec asks for. The time makes each click a request of its own.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["onnx-operator.dev/action"] = "retry@" .. obj.status.candidateRevision .. "#argocd-" .. os.time()
return obj
