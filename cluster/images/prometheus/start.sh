#!/bin/sh
# Prometheus, and beside it what finds pods for it.
discover 127.0.0.1:9099 &
exec /usr/bin/prometheus "$@"
