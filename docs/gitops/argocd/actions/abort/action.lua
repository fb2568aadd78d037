-- abort: of the revision that is rolled out. The time makes each click a request of its own.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["onnx-operator.dev/action"] = "abort@" .. obj.status.rollout.revision .. "#argocd-" .. os.time()
return obj
