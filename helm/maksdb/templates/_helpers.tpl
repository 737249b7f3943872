{{- define "maksdb.name" -}}
{{- if contains "maksdb" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-maksdb" (.Release.Name | trunc 43 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "maksdb.operator" -}}
{{ include "maksdb.name" . }}-operator
{{- end }}

{{- define "maksdb.serviceAccount" -}}
{{- default (include "maksdb.operator" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "maksdb.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "maksdb.selector" -}}
app.kubernetes.io/name: maksdb
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "maksdb.labels" -}}
{{ include "maksdb.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What the operator may do where it watches. Secrets are made and read, never changed or deleted. */}}
{{- define "maksdb.rules" -}}
- apiGroups: [maksdb.io]
  resources: [vectorclusters]
  verbs: [get, list, watch, patch]
- apiGroups: [maksdb.io]
  resources: [vectorclusters/status]
  verbs: [patch]
# To be named as the owner of what it makes, where the API server enforces it.
- apiGroups: [maksdb.io]
  resources: [vectorclusters/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create]
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch]
# Whether the Service that clients speak to leads to a router.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Why Kubernetes refuses a pod stands in events alone.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
{{- end }}
