#!/bin/bash
# tests/bench/run.sh [NAME...] - measures the figures of README.md; builds the plain program and the peer first
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build/bench
"$top/tests/run.sh" --prepare
cmake -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null
strip "$build/pgitops"
cc -O2 -o "$build/bare_client" "$top/tests/bench/bare_client.c" -lcurl
export PGITOPS_TEST_PROGRAM=$build/pgitops PGITOPS_BENCH_CLIENT=$build/bare_client
exec "$top/tests/.cache/venv/bin/python" "$top/tests/bench/run.py" "$@"
