#!/bin/sh
# kafka-run-class.sh CLASS [ARGUMENTS]: with the environment variables that Kafka's own scripts know.
case $1 in
  kafka.Kafka) ;;
  *) export KAFKA_LOG4J_ROOT_LOGLEVEL="${KAFKA_TOOLS_LOG4J_LOGLEVEL:-WARN}" ;; # tools answer, and are quiet
esac
# Java accepts the archive of classes only with the very class path it was made with.
jars=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
exec "${JAVA_HOME:-/opt/java/openjdk}/bin/java" ${KAFKA_HEAP_OPTS:--Xmx256m} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35} \
  ${KAFKA_CDS_OPTS--Xlog:disable -XX:SharedArchiveFile=/opt/kafka/kafka.jsa} \
  -Djava.awt.headless=true -Dlog4j2.configurationFile="${KAFKA_LOG4J_FILE:-/etc/kafka/docker/log4j2.yaml}" \
  $KAFKA_JMX_OPTS $KAFKA_LOG4J_OPTS $KAFKA_OPTS -cp "$jars" "$@"
