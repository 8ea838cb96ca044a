#!/bin/bash
# run.sh - random lists of users on servers that random hands have been at: one pass is enough, and nobody else's things are touched
#
#   tests/property/run.sh [--rounds N] [--seed S] [--major M]... [--no-shrink] [--keep-going]
#
# Each round has a seed, from --seed on; the same seed plays the same round. A round that goes wrong is made as small as it can be
# and printed with its seed. Without --major it plays on PostgreSQL 13 to 18. What the agent is: the build of tests/run.sh. Exit code:
# 0 = all was as it should be, 1 = it was not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
case ${1:-} in -h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ -x tests/.cache/venv/bin/python ] && [ -x build/test/tests/reconcile/roles/roles_driver ] || ./tests/run.sh unit
exec env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u KUBECONFIG LC_ALL=C.UTF-8 TZ=UTC \
	tests/.cache/venv/bin/python tests/property/rounds.py "$@"
