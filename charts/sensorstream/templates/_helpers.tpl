{{/* The first part of the names of namespaced objects. */}}
{{- define "sensorstream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The same for objects of the whole cluster, where releases of other namespaces live too. */}}
{{- define "sensorstream.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "sensorstream.fullname" .) -}}
{{- end -}}

{{- define "sensorstream.operatorName" -}}
{{- printf "%s-operator" (include "sensorstream.fullname" .) -}}
{{- end -}}

{{- define "sensorstream.webhookName" -}}
{{- printf "%s-webhook" (include "sensorstream.fullname" .) -}}
{{- end -}}

{{- define "sensorstream.metricsName" -}}
{{- printf "%s-metrics" (include "sensorstream.fullname" .) -}}
{{- end -}}

{{- define "sensorstream.testName" -}}
{{- printf "%s-test" (include "sensorstream.fullname" .) -}}
{{- end -}}

{{- define "sensorstream.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sensorstream.operatorName" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the operator's pods are found; they never change. */}}
{{- define "sensorstream.selectorLabels" -}}
app.kubernetes.io/name: sensorstream-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sensorstream.labels" -}}
{{ include "sensorstream.selectorLabels" . }}
{{ include "sensorstream.commonLabels" . }}
{{- end -}}

{{/* Labels of objects that are no part of the operator's pods. */}}
{{- define "sensorstream.commonLabels" -}}
app.kubernetes.io/part-of: sensorstream
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image by its digest if there is one, else by its tag. Takes { image, root }. */}}
{{- define "sensorstream.image" -}}
{{- $image := .image -}}
{{- $path := $image.repository -}}
{{- with $image.registry }}{{ $path = printf "%s/%s" . $path }}{{ end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $path $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $path (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The port of a URL. */}}
{{- define "sensorstream.portOf" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- end -}}

{{/* What monitors have in common of an endpoint. Takes a monitor's settings. */}}
{{- define "sensorstream.scrape" -}}
path: /metrics
honorLabels: {{ .honorLabels }}
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container of this chart may do: nothing beyond its own process. */}}
{{- define "sensorstream.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "sensorstream.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
