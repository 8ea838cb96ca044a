#!/bin/bash
# tests/bench/run.sh [NAME...] - measures the figures of README.md; builds the plain program and the peer first
# (names: start, memory, announced, objects, users, git; without one all of them, and sealing; ten-thousand and fifty-thousand when named)
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build/bench
# One test on real parts installs and makes what the benchmark needs.
"$top/tests/run.sh" tests/end/test_users.py::test_once_creates_what_git_lists
cmake -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null
strip "$build/pgitops"
cc -O2 -o "$build/bare_client" "$top/tests/bench/bare_client.c" -lcurl
export PGITOPS_TEST_PROGRAM=$build/pgitops PGITOPS_BENCH_CLIENT=$build/bare_client
python=$top/tests/.cache/venv/bin/python
"$python" "$top/tests/bench/run.py" "$@"
[ $# -gt 0 ] || "$python" "$top/tests/bench/seal.py"
