#!/bin/bash
# render.sh - writes what follows from base/: install.yaml, all of it in one file, and the agent files of the overlays
#
#   manifests/render.sh [--check]
#
# A line of base/agent.yaml that an overlay wants is there as a comment, or is replaced here. --check writes nothing and says what would differ
# (exit code 1).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
checking=
case ${1:-} in
"") ;;
--check) checking=yes ;;
*) echo "render.sh: unknown option $1 (only --check)" >&2; exit 2 ;;
esac

install() {
	cat <<'HEAD'
# pgitops in a cluster: kubectl apply --server-side -f manifests/prepare.yaml -f manifests/install.yaml
#
# Everything is in the namespace argocd, where Application objects and repository Secrets live. The rights below are for the
# two Applications of manifests/examples: postgresql objects in `default`, users in `postgres`. Each further kind or
# namespace that an Application brings needs its own line in a Role; a missing one is a condition that names it.
#
# Before the Deployment starts, set what is marked SET: the image, and the database's address and Secret. A Secret `pgitops` of the namespace argocd may
# hold `token` (bearer token for the API, 16 characters or more) and `webhook` (the forge's webhook secret).
#
# `kubectl delete -f manifests/install.yaml` takes away what is here and nothing else: the agent, its rights and its agent file. What holds
# anything of yours is in prepare.yaml.
#
# Written by render.sh from base/: change it there. overlays/ has the same for kustomize in several forms, with what is to set in one file.
HEAD
	cat base/account.yaml
	echo ---
	cat base/rights.yaml
	echo ---
	cat base/namespaces.yaml
	cat <<'HEAD'
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: pgitops
  namespace: argocd
  labels: {app.kubernetes.io/name: pgitops}
data:
  agent.yaml: |
HEAD
	sed 's/^\(.\)/    \1/' base/agent.yaml
	echo ---
	cat base/deployment.yaml
	echo ---
	cat base/network.yaml
}

# agent_file SED: base's with that edit, which has to change something.
agent_file() {
	local text
	text=$(sed -E "$1" base/agent.yaml)
	[ "$text" != "$(cat base/agent.yaml)" ] || { echo "render.sh: no line of base/agent.yaml is meant by $1" >&2; exit 1; }
	printf '%s\n' "$text"
}

sealing_controller() {
	agent_file 's/^# (sealing:)$/\1/; s/^# (  keys: \[.run.sealing-keys\])$/\1\n  controller: true/'
}

operator() {
	agent_file "/# The server proves who it is/,/key: password/c\\    postgresql: 'default/acid-minimal-cluster' # SET"
}

read_only() {
	agent_file 's/^(      )key: users\.yaml$/&\n    policy: {mode: report} # users are compared; `pgitops user plan` shows the SQL/'
}

two_replicas() {
	agent_file 's/^# (lease: \{\})$/\1/'
}

differs=0
# written FILE COMMAND
written() {
	local text
	text=$("$2"; echo .)
	text=${text%.}
	if [ -z "$checking" ]; then
		printf '%s' "$text" >"$1"
	elif ! diff -u "$1" <(printf '%s' "$text"); then
		differs=1
	fi
}

written install.yaml install
written overlays/sealing-controller/agent.yaml sealing_controller
written overlays/operator/agent.yaml operator
written overlays/read-only/agent.yaml read_only
written overlays/two-replicas/agent.yaml two_replicas
exit $differs
