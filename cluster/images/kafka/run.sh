#!/bin/sh
# Starts a broker from KAFKA_* variables, by the rules of the official image: KAFKA_LOG_DIRS is
# log.dirs, two underscores are one underscore, three are a dash.
set -eu

config=/opt/kafka/config/server.properties
awk 'BEGIN {
  split("HEAP_OPTS LOG4J_OPTS OPTS JMX_OPTS JMX_PORT JVM_PERFORMANCE_OPTS GC_LOG_OPTS LOG4J_ROOT_LOGLEVEL LOG4J_LOGGERS LOG4J_FILE VERSION", parts, " ")
  for (i in parts) no_property["KAFKA_" parts[i]]
  for (name in ENVIRON) {
    if (name !~ /^KAFKA_/ || name in no_property) continue
    key = tolower(substr(name, 7))
    gsub(/___/, "\001", key); gsub(/__/, "\002", key); gsub(/_/, ".", key)
    gsub(/\001/, "-", key); gsub(/\002/, "_", key)
    print key "=" ENVIRON[name]
  }
}' >"$config"

# Formatting writes meta.properties last. If it was cut off, it is simply done again.
folders=$(sed -n 's/^log\.dirs=//p' "$config")
if [ ! -s "${folders%%,*}/meta.properties" ]; then
  KAFKA_HEAP_OPTS=-Xmx128m KAFKA_JVM_PERFORMANCE_OPTS=-XX:TieredStopAtLevel=1 /opt/kafka/bin/kafka-storage.sh format \
    --ignore-formatted --cluster-id "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" --config "$config"
fi

export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}"
exec /opt/kafka/bin/kafka-server-start.sh "$config"
