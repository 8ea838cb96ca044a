#!/bin/bash
# two_people.sh - the long run of test_two_people.py: random sequences of two people, an oracle; a failing one is shrunk and printed
#
#   tests/end/two_people.sh [--sequences N] [--seed S] [--length L] [--sanitized] [-j N]
#
# 10,000 sequences by default, from seed 1: seed and length make a sequence, so runs with other seeds may go on at the same time, on other
# machines too. It plays with a build of its own without sanitizers (build/bench), in memory where there is /dev/shm: 0.6 s of processor time a
# sequence, most of it in git; --sanitized takes build/test, four times as long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PGITOPS_SEQUENCES=10000 PGITOPS_SEED=1 PGITOPS_LENGTH=16
jobs=$(nproc) sanitized=false
while [ $# -gt 0 ]; do
	case $1 in
	--sanitized) sanitized=true; shift; continue ;;
	esac
	[ $# -gt 1 ] || break
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
if ! $sanitized && [ -z "${PGITOPS_TEST_PROGRAM:-}" ]; then
	cmake -S . -B build/bench -DCMAKE_BUILD_TYPE=Release >/dev/null
	cmake --build build/bench -j "$jobs" --target pgitops-hook >/dev/null
	export PGITOPS_TEST_PROGRAM=$PWD/build/bench/pgitops
fi
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
export PYTEST_ADDOPTS=--dist=load # all are in one file, which --dist=loadfile gives to one worker
exec tests/run.sh -j "$jobs" tests/end/test_two_people.py
