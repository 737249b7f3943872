{{/*
Every template begins with it. Helm's --reuse-values hands on the values of the release before, without what is new in this
chart: what is missing, or null, gets its default here. What somebody else names is text, also where YAML or --set makes a
number of it, and a namespace counts once.
*/}}
{{- define "maksdb.values" -}}
{{- include "maksdb.fill" (dict "into" .Values "from" (.Files.Get "files/defaults.json" | fromJson)) }}
{{- $_ := set .Values.image "tag" (include "maksdb.text" .Values.image.tag) }}
{{- $namespaces := list }}
{{- range .Values.watchNamespaces }}{{ $namespaces = append $namespaces (include "maksdb.text" .) }}{{ end }}
{{- $_ := set .Values "watchNamespaces" (uniq $namespaces) }}
{{- range list .Values.podAnnotations .Values.nodeSelector .Values.serviceAccount.annotations .Values.monitoring.podMonitor.labels .Values.monitoring.rules.labels .Values.monitoring.dashboards.labels }}
{{- $texts := . }}
{{- range $name, $value := . }}{{ $_ := set $texts $name (include "maksdb.text" $value) }}{{ end }}
{{- end }}
{{- end }}

{{- define "maksdb.fill" -}}
{{- range $name, $value := .from }}
{{- $has := get $.into $name }}
{{- if kindIs "invalid" $has }}{{ $_ := set $.into $name $value }}
{{- else if not (hasKey $.into $name) }}{{ $_ := set $.into $name $value }}
{{- else if and (kindIs "map" $value) (kindIs "map" $has) (not (has $name (list "resources" "podSecurityContext" "containerSecurityContext"))) }}
{{- include "maksdb.fill" (dict "into" $has "from" $value) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A number of a values file is a float, which would be written as 2.026e+07. */}}
{{- define "maksdb.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

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
