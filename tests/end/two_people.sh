#!/bin/bash
# two_people.sh - the long run of test_two_people.py: random sequences of two people, an oracle; a failing one is shrunk and printed
#
#   tests/end/two_people.sh [--sequences N] [--seed S] [--length L] [-j N]
#
# 10,000 sequences by default, from seed 1. PGITOPS_TEST_PROGRAM names another build than build/test/pgitops: without sanitizers it is
# three times as fast, some 1.2 s of processor time a sequence, most of it in git and in the hooks that it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PGITOPS_SEQUENCES=10000 PGITOPS_SEED=1 PGITOPS_LENGTH=16
jobs=$(nproc)
while [ $# -gt 1 ]; do
	case $1 in
	--sequences) PGITOPS_SEQUENCES=$2 ;;
	--seed) PGITOPS_SEED=$2 ;;
	--length) PGITOPS_LENGTH=$2 ;;
	-j) jobs=$2 ;;
	*) break ;;
	esac
	shift 2
done
[ $# -eq 0 ] || { sed -n '2,/^set/p' "$0" | sed '$d' >&2; exit 2; }
exec tests/run.sh -j "$jobs" tests/end/test_two_people.py
