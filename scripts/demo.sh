#!/usr/bin/env bash
# demo.sh PIPELINE: runs examples/PIPELINE.yaml end to end on a local Kubernetes, from nothing, and
# shows what it does. Can be run again at any time; what is in place already is left alone.
set -euo pipefail
source "$(dirname "$0")/say.sh"

name=${1:-environment}
file=examples/$name.yaml
[[ -f $file ]] || die "there is no $file; there are: $(cd examples && echo *.yaml)"

scripts/images.sh
cluster/up.sh
! grep -q '^    lake:' "$file" || cluster/minio.sh
cluster/prometheus.sh
cluster/grafana.sh || say "going on without Grafana"
scripts/install.sh --set dashboards.enabled=true
eval "$(cluster/env.sh)"

say "applying $file"
kubectl apply --namespace default -f "$file"
pipeline=$(kubectl get -f "$file" --namespace default -o jsonpath='{.metadata.name}')

# Shows each change of the conditions until the pipeline is ready and data flows.
conditions() {
  kubectl get sp "$pipeline" --namespace default -o json | jq -r '
    .metadata.generation as $generation | .status // {} |
    [.conditions[]? | select(.observedGeneration == $generation)] |
    if length == 0 then "waiting for the operator"
    else map(select(.status != "True") | select(.type | IN("DataLoss", "SinkBlocked", "WeakClockGuard", "KeySpread", "TopicReplaced", "Stopped") | not)
             | "\(.type): \(.reason) \(.message)") | if length == 0 then "ready" else .[0] end end'
}
deadline=$((SECONDS + 300)) last=
until [[ ${now:=$(conditions)} == ready ]]; do
  if [[ $now != "$last" ]]; then
    say "$now"
    last=$now
  fi
  if ((SECONDS > deadline)); then
    kubectl describe sp "$pipeline" --namespace default
    kubectl get pods --namespace default -l "app.kubernetes.io/instance=$pipeline"
    die "the pipeline is not ready after 5 minutes; what it says is above"
  fi
  sleep 1
  now=$(conditions)
done
say "ready, and data flows"

# The web dashboard, at an address of this machine.
kubectl apply --namespace default -f - >/dev/null <<END
apiVersion: v1
kind: Service
metadata: { name: demo-dashboard }
spec:
  type: NodePort
  selector: { app.kubernetes.io/instance: $pipeline, app.kubernetes.io/component: api }
  ports: [{ name: http, port: 8080, targetPort: http, nodePort: ${DASHBOARD_URL##*:} }]
END

field() { kubectl get sp "$pipeline" --namespace default -o json | jq -r "$1"; }
schema=$(field '.spec.postgres.schema // (.metadata.name | gsub("-"; "_"))')
# The table of readings, or that of the first window.
table=$(field '.spec.outputs.table.name // .spec.windows[0].name')
newest=$(field 'if .spec.outputs.table then .spec.input.eventTime.field
  elif .spec.windows[0].session then .spec.windows[0].session.columns.start // "session_start"
  else "window_start" end')
echo
kubectl get sp "$pipeline" --namespace default -o wide
echo
psql "$DATABASE_URL" --pset=footer=off -c "SELECT * FROM \"$schema\".\"$table\" ORDER BY \"$newest\" DESC LIMIT 5"
dashboard='' grafana=''
proxy=/api/v1/namespaces/default
[[ $(field .spec.api) == null ]] ||
  dashboard="
  dashboard   $DASHBOARD_URL
  API         $DASHBOARD_URL/openapi.json    # curl $DASHBOARD_URL/health"
[[ -z $(kubectl get deployment grafana --namespace monitoring --ignore-not-found -o name) ]] ||
  grafana="
  Grafana     $GRAFANA_URL"
pods=$(kubectl get pod --namespace default -o 'jsonpath={.items[*].metadata.name}' \
  -l "app.kubernetes.io/instance=$pipeline,app.kubernetes.io/component=processor")
alerts=$PROMETHEUS_URL/alerts
curl -fs -o /dev/null "$alerts" || alerts=$PROMETHEUS_URL/classic/alerts # Debian's pages
cat <<END
Where to look (what begins with kubectl after  eval "\$(make -s env)"):$dashboard
  Prometheus  $PROMETHEUS_URL/graph?g0.expr=sensorstream_processor_lag_records
  alerts      $alerts$grafana
  metrics     kubectl get --raw $proxy/pods/${pods%% *}:8080/proxy/metrics    # see docs/metrics.md

What to try next, after  eval "\$(make -s env)":
  kubectl get sp -w                                         # watch it
  kubectl describe sp $pipeline                            # conditions and events
  psql "\$DATABASE_URL" -c 'SELECT count(*) FROM $schema.$table'
  kubectl patch sp $pipeline --type merge -p '{"spec":{"simulator":{"rate":100}}}'
  kubectl scale sp $pipeline --replicas 2
  kubectl patch sp $pipeline --type merge -p '{"spec":{"state":"Paused"}}'
  kubectl explain sp.spec
  cluster/jaeger.sh && scripts/install.sh --reuse-values --set tracing.endpoint=http://jaeger.monitoring.svc:4318
  curl "\$JAEGER_URL/api/traces?service=$pipeline-producer&limit=1"   # from the producer to the commit
  make cluster-down                                         # remove everything
END
