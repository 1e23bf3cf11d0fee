#!/bin/sh
# Runs inside the image while it is built: starts a broker, gives it a little to do, and stops it.
set -eu
export PATH=/opt/java/openjdk/bin:/opt/kafka/bin:/usr/bin
export KAFKA_NODE_ID=1 KAFKA_PROCESS_ROLES=broker,controller KAFKA_LOG_DIRS=/tmp/data
export KAFKA_LISTENERS=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
export KAFKA_CONTROLLER_QUORUM_VOTERS=1@127.0.0.1:9093 KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER
export KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
export KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1 KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=1
export KAFKA_HEAP_OPTS=-Xmx256m KAFKA_CDS_OPTS=-XX:ArchiveClassesAtExit=/opt/kafka/kafka.jsa

/etc/kafka/docker/run >/tmp/log 2>&1 &
broker=$!
export KAFKA_CDS_OPTS=
seconds=0
until grep -q 'Kafka Server started' /tmp/log; do
  seconds=$((seconds + 1))
  if [ $seconds -gt 120 ]; then
    cat /tmp/log >&2
    exit 1
  fi
  sleep 1
done
kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic warm --partitions 1 >/dev/null
seq 10 | kafka-console-producer.sh --bootstrap-server 127.0.0.1:9092 --topic warm >/dev/null
kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic warm --from-beginning --max-messages 10 >/dev/null 2>&1
kill -TERM $broker
wait $broker || true
[ -s /opt/kafka/kafka.jsa ]
chmod 644 /opt/kafka/kafka.jsa
