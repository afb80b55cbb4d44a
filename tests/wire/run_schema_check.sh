#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the jars that hold Kafka's message definitions and checks klog's declarations against them.
# Usage: tests/wire/run_schema_check.sh [SCHEMA_DUMP]   by default that of the newest build
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
dump=${1:-$(ls -t "$top"/build*/tests/wire/schema_dump | head -n 1)}
newest=$("$top/tools/fetch-jars" kafka-clients)
coordinators=$("$top/tools/fetch-jars" kafka-coordinators)
dropped=$("$top/tools/fetch-jars" kafka-clients-3.9)
exec python3 "$top/tests/wire/check_schema.py" "$dump" "$(ls "$newest"/kafka-clients-*.jar "$coordinators"/*.jar | paste -sd,)" "$dropped"/kafka-clients-*.jar
