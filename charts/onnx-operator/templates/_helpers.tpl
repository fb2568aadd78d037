{{/* The release's name is the name of everything; "onnx-operator" is not doubled. */}}
{{- define "onnx-operator.name" -}}
{{- if contains "onnx-operator" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-onnx-operator{{ end -}}
{{- end }}

{{- define "onnx-operator.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "onnx-operator.name" .) }}
{{- end }}

{{- define "onnx-operator.selector" -}}
app.kubernetes.io/name: onnx-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "onnx-operator.labels" -}}
{{ include "onnx-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What the operator may do where models are: exactly the calls it makes. */}}
{{- define "onnx-operator.rules" -}}
- apiGroups: [onnx-operator.dev]
  resources: [onnxmodels]
  verbs: [get, list, watch]
- apiGroups: [onnx-operator.dev]
  resources: [onnxmodels/status]
  verbs: [patch]
# To set blockOwnerDeletion where the API server enforces the right to (OwnerReferencesPermissionEnforcement).
- apiGroups: [onnx-operator.dev]
  resources: [onnxmodels/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [controllerrevisions, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}
