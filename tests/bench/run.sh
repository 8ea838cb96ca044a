#!/bin/bash
# tests/bench/run.sh [NAME...] - measures the figures of README.md; builds the plain program and the peer first
# (names: start, memory, announced, objects, users, grants, git; without one all of them, sealing, clusters and takeover, of which each names the limits it
# is over, and the exit code is 1 then; ten-thousand, fifty-thousand, ten-thousand-users, secrets, ldap2pg, clusters and takeover when named)
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build/bench
# One test on real parts installs and makes what the benchmark needs.
"$top/tests/run.sh" tests/end/test_users.py::test_once_creates_what_git_lists
cmake -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null
strip "$build/pgitops" && strip "$build/pgitops-hook" # in this order: an older one is not taken
# The folder of Secrets alone, as the agent reads it.
cc -O2 -D_GNU_SOURCE -I "$top" -I/usr/include/postgresql -o "$build/bench_secrets" "$top/tests/bench/secrets.c" \
	-Wl,--start-group $(find "$build" -name 'lib*.a') -Wl,--end-group \
	-lcurl -lcrypto -lpq -lsqlite3 -ljansson -lyaml -lpthread
cc -O2 -o "$build/bare_client" "$top/tests/bench/bare_client.c" -lcurl
export PGITOPS_TEST_PROGRAM=$build/pgitops PGITOPS_BENCH_CLIENT=$build/bare_client PGITOPS_BENCH_SECRETS=$build/bench_secrets
python=$top/tests/.cache/venv/bin/python
rest=() code=0
apart=" clusters takeover "
for name; do
	case $apart in *" $name "*) ;; *) rest+=("$name") ;; esac
done
[ $# -gt 0 ] && [ ${#rest[@]} -eq 0 ] || "$python" "$top/tests/bench/run.py" "${rest[@]}"
[ $# -gt 0 ] || "$python" "$top/tests/bench/seal.py"
for name in $apart; do
	case " $* " in "  " | *" $name "*) "$python" "$top/tests/bench/$name.py" || code=1 ;; esac
done
exit $code
