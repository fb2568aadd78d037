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

{{/* What a person may do who edits models, and one who looks at them. */}}
{{- define "onnx-operator.editorRules" -}}
- apiGroups: [onnx-operator.dev]
  resources: [onnxmodels]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
{{- end }}

{{- define "onnx-operator.viewerRules" -}}
- apiGroups: [onnx-operator.dev]
  resources: [onnxmodels, onnxmodels/status]
  verbs: [get, list, watch]
{{- end }}

{{/* What Pod Security's level `restricted` asks of a pod and of its container. */}}
{{- define "onnx-operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "onnx-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "onnx-operator.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Where pods may run, for the operator's and the test's alike. */}}
{{- define "onnx-operator.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The test's pod is none of the operator's: no Service, budget or policy of theirs may select it. */}}
{{- define "onnx-operator.testSelector" -}}
app.kubernetes.io/name: onnx-operator-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "onnx-operator.testLabels" -}}
{{ include "onnx-operator.testSelector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Made by `helm test` alone, gone when it succeeds; what failed stays for a look until the next time. */}}
{{- define "onnx-operator.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
