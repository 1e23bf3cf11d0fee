#!/usr/bin/env bash
# Checks the alerts: that Prometheus takes the rules, that each fires when it should and not else, that each
# has a page that says what to do, and that nothing speaks of a metric that there is not.
set -euo pipefail
source "$(dirname "$0")/say.sh"

rules=dashboards/alerts/rules.yaml
copy=charts/sensorstream/files/alerts.yaml
tests=(dashboards/alerts/tests/*.yaml)
pages=docs/runbooks
address=https://github.com/sensorstream/sensorstream/blob/main/$pages

if ! command -v promtool >/dev/null; then
  source cluster/lib/packages.sh
  need_packages prometheus
fi

wrong=0
complain() {
  printf '\033[1;31merror:\033[0m %s\n' "$*" >&2
  wrong=1
}

say "the rules"
checked=$(promtool check rules --lint=all --lint-fatal "$rules" 2>&1) || die "$checked"
cmp -s "$rules" "$copy" || complain "$copy is not $rules: run scripts/generate.sh"

say "their tests"
tested=$(promtool test rules "${tests[@]}" 2>&1) || die "$tested"

say "what each alert needs"
# By the form of the file, which is ours; promtool's own count says whether that found them all.
mapfile -t alerts < <(sed -n 's/^      - alert: \([A-Za-z]*\)$/\1/p' "$rules")
grep -q "SUCCESS: ${#alerts[@]} rules found" <<<"$checked" ||
  die "$rules: ${#alerts[@]} alerts are written as '      - alert: Name', but promtool says:$checked"

# rule ALERT: what the file says of an alert.
rule() {
  awk -v alert="$1" '/^      - / || /^ {0,4}[^ ]/ { on = $0 == "      - alert: " alert } on' "$rules"
}

for alert in "${alerts[@]}"; do
  text=$(rule "$alert")
  needs() { grep -Eq "$1" <<<"$text" || complain "$rules: $alert has no $2"; }
  [[ $alert == SensorStream* ]] || complain "$rules: $alert does not begin with SensorStream"
  needs '^        for: [0-9]+[smhd]$' "for"
  needs '^          severity: (critical|warning|info)$' "severity that is critical, warning or info"
  needs '^          summary: [^ ]' "summary"
  needs '^          description: [^ ]' "description"
  needs "^          runbook_url: $address/$alert\.md\$" "runbook_url $address/$alert.md"
  grep -qx "        alertname: $alert" "${tests[@]}" || complain "no test says when $alert fires"
  grep -q "alertname: $alert, exp_alerts: \[\]" "${tests[@]}" || complain "no test says when $alert does not fire"
  page=$pages/$alert.md
  if [[ ! -f $page ]]; then
    complain "there is no $page"
    continue
  fi
  [[ $(head -n 1 "$page") == "# $alert" ]] || complain "$page does not begin with '# $alert'"
  for part in Meaning Impact Diagnosis Mitigation; do
    grep -qx "## $part" "$page" || complain "$page has no part $part"
  done
  grep -qF "($alert.md)" "$pages/README.md" || complain "$pages/README.md does not list $alert"
done

for page in "$pages"/*.md; do
  name=$(basename "$page" .md)
  [[ $name == README || " ${alerts[*]} " == *" $name "* ]] || complain "$page is of no alert"
done

say "queries and metrics of the runbooks"
# Each query of a block ```promql, as a rule that promtool can read. Queries of a block are apart by an empty line.
queries=$(mktemp --suffix .yaml)
trap 'rm -f "$queries"' EXIT
{
  printf 'groups:\n  - name: runbooks\n    rules:\n'
  awk '
    function query() { if (text != "") printf "      - { record: \"query:%d\", expr: %c%s%c }\n", ++count, 39, text, 39; text = "" }
    /^```promql$/ { on = 1; next }
    /^```$/ { query(); on = 0 }
    on && /^$/ { query(); next }
    on { gsub(/\047/, "\047\047"); text = text " " $0 }
  ' "$pages"/*.md
} >"$queries"
answer=$(promtool check rules --lint=none "$queries" 2>&1) || complain "a query of the runbooks is wrong: $answer"
for metric in $(grep -oh 'sensorstream_\(operator\|processor\|producer\|api\)_[a-z_]*[a-z]' "$rules" "$pages"/*.md | sort -u); do
  documented=$(sed -E 's/_(bucket|sum|count)$//' <<<"$metric")
  grep -qE "\`($metric|$documented)\`" docs/metrics.md || complain "docs/metrics.md has no $metric, of which rules or runbooks speak"
done

((!wrong)) || exit 1
say "${#alerts[@]} alerts are in order"
