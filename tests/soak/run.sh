#!/bin/bash
# run.sh - plays a random world against the running agent, on the real parts
#
#   tests/soak/run.sh [--minutes N] [--seed S] [--rounds N] [--seeds N]
#
# The same seed plays the same world. --seeds N plays so many seeds one after the other, from --seed on. What the agent is: the build of
# tests/run.sh, or PGITOPS_TEST_PROGRAM. Exit code: 0 = at every calm point all agreed, 1 = they did not; the seed is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
case ${1:-} in -h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ -x tests/.cache/venv/bin/python ] && [ -x build/test/pgitops ] || ./tests/run.sh unit
exec env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u KUBECONFIG LC_ALL=C.UTF-8 TZ=UTC \
	tests/.cache/venv/bin/python tests/soak/play.py "$@"
