#!/bin/bash
# quickstart.sh - pgitops at work on this machine, from nothing: a PostgreSQL, a Git repository and the agent
#
#   ./quickstart.sh [--standalone] [--once] [--dir DIR]
#
#   --standalone  without Kubernetes: users go into PostgreSQL, the cluster path is read and checked only
#   --once        one pass, its result, and everything is stopped again
#   --dir DIR     keep all files in DIR (default: a fresh folder below /tmp, which is named)
#
# It says which Debian packages it installs, asks nothing, builds into build/, and otherwise writes to its folder only. Every
# part is its own: no PostgreSQL, Git setting, kubeconfig or port that the machine already has is touched.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

standalone= once= folder=
while [ $# -gt 0 ]; do
	case $1 in
	--standalone) standalone=yes ;;
	--once) once=yes ;;
	--dir) folder=${2:?--dir wants a folder}; shift ;;
	--dir=*) folder=${1#--dir=} ;;
	-h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0" | sed '/^set -e/d'; exit 0 ;;
	*) echo "quickstart.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
	esac
	shift
done

say() {
	printf '\n==> %s\n' "$*"
}

fail() {
	printf 'quickstart.sh: %s\n' "$*" >&2
	exit 2
}

# Nobody's settings: neither of PostgreSQL's clients, nor of Git, nor of kubectl.
for variable in ${!PG*} ${!GIT_*} KUBECONFIG; do
	unset "$variable"
done
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8

# ---- what there is --------------------------------------------------------------------------------------------------

# The newest server on the machine; its programs are used, none of its clusters.
postgres_programs() {
	local bin
	for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/local/pgsql/bin "$(pg_config --bindir 2>/dev/null)" |
		sort -rV); do
		if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && [ -x "$bin/psql" ]; then
			echo "$bin"
			return
		fi
	done
}

# A control plane of Kubernetes can be had: already built, given, or to be built with Go.
control_plane_possible() {
	[ -z "${KUBEBUILDER_ASSETS:-}" ] || return 0
	[ ! -x "$("$top/tests/kube/build.sh" --path)" ] || return 0
	local version
	version=$(go env GOVERSION 2>/dev/null) || return 1
	[ "$(printf '%s\n' go1.26 "$version" | sort -V | head -1)" = go1.26 ]
}

say "Packages"
packages=(gcc=gcc libc6-dev make=make cmake=cmake pkg-config libgit2-dev libyaml-dev libcurl4-openssl-dev libssl-dev
	libpq-dev libsqlite3-dev libjansson-dev libevent-dev libjq-dev libseccomp-dev libssh-dev tzdata git=git)
[ -n "$(postgres_programs)" ] || packages+=(postgresql)
if [ -z "$standalone" ] && control_plane_possible; then
	packages+=(python3=python3)
fi
packages_install "${packages[@]}"
postgres_bin=$(postgres_programs)
[ -n "$postgres_bin" ] || fail "no PostgreSQL server programs below /usr/lib/postgresql after the installation"
if [ -z "$standalone" ] && ! control_plane_possible; then
	echo "Kubernetes is left out: for it, put Go 1.26 or newer on the PATH, or set KUBEBUILDER_ASSETS."
	standalone=yes
fi

say "Build (build/)"
mkdir -p "$top/build"
{ cmake -S "$top" -B "$top/build" && cmake --build "$top/build" -j "$(nproc)" --target pgitops; } >"$top/build/build.log" 2>&1 ||
	{ tail -30 "$top/build/build.log"; fail "the build failed, see build/build.log"; }
program=$top/build/pgitops

# ---- its folder -----------------------------------------------------------------------------------------------------

if [ -z "$folder" ]; then
	folder=$(mktemp -d /tmp/pgitops-XXXXXX)
	chmod 755 "$folder"
else
	mkdir -p "$folder"
	[ -z "$(ls -A "$folder")" ] || fail "$folder is not empty: give --dir a folder of its own"
fi
folder=$(cd "$folder" && pwd -P)
mkdir -m 700 "$folder/secrets" "$folder/pids"
mkdir "$folder/applications"

# Runs a command in the background that outlives this script; its process group is noted for `stop`.
background() {
	local name=$1
	shift
	setsid "$@" </dev/null >"$folder/$name.log" 2>&1 &
	echo $! >"$folder/pids/$name"
}

cat >"$folder/stop" <<STOP
#!/bin/bash
# Stops what quickstart.sh started: the agent first, PostgreSQL last.
for name in agent control-plane postgres; do
	pid=\$(cat "$folder/pids/\$name" 2>/dev/null) || continue
	case \$name in
	agent) kill -TERM "\$pid" 2>/dev/null ;;
	control-plane) kill -TERM -- "-\$pid" 2>/dev/null ;;
	postgres) kill -INT "\$pid" 2>/dev/null ;; # fast: without waiting for its clients
	esac || continue
	for ((i = 0; i < 300; i++)); do
		# Gone, or ended and only waiting to be noticed.
		grep -q '^State:.[^Z]' "/proc/\$pid/status" 2>/dev/null || break
		sleep 0.1
	done
	rm -f "$folder/pids/\$name"
done
STOP
chmod 755 "$folder/stop"
# Until all is well, an error or Ctrl-C leaves nothing running behind.
trap '"$folder/stop"; echo "Stopped. The files are in $folder" >&2' EXIT

free_port() {
	local port
	while port=$((RANDOM % 20000 + 10000)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo $port
}

random() {
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
	echo
}

secret() {
	(umask 077; cat >"$folder/secrets/$1")
}

# ---- PostgreSQL -----------------------------------------------------------------------------------------------------

# It refuses to run as root: then it is run by an account that owns nothing else here.
as_account=()
account=$(id -un)
if [ "$(id -u)" = 0 ]; then
	account=$(id -un postgres 2>/dev/null || echo nobody)
	as_account=(setpriv "--reuid=$account" "--regid=$(id -g "$account")" --clear-groups env HOME=/)
fi
postgres_port=$(free_port)
say "PostgreSQL $("$postgres_bin/postgres" --version | grep -oE '[0-9]+(\.[0-9]+)?' | head -1) on 127.0.0.1:$postgres_port"
random | secret superuser
install -d -m 700 -o "$account" "$folder/postgres"
"${as_account[@]}" test -w "$folder/postgres" ||
	fail "$account, which runs PostgreSQL because root may not, cannot reach $folder: give --dir another folder"
install -m 600 -o "$account" "$folder/secrets/superuser" "$folder/postgres/password"
"${as_account[@]}" "$postgres_bin/initdb" -D "$folder/postgres/data" -U postgres --pwfile="$folder/postgres/password" \
	--auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >"$folder/postgres.log" 2>&1 ||
	{ tail -5 "$folder/postgres.log"; fail "initdb failed"; }
rm "$folder/postgres/password"
background postgres "${as_account[@]}" "$postgres_bin/postgres" -D "$folder/postgres/data" -p "$postgres_port" \
	-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB

(umask 077; echo "127.0.0.1:$postgres_port:*:postgres:$(cat "$folder/secrets/superuser")" >"$folder/pgpass")
cat >"$folder/psql" <<PSQL
#!/bin/bash
# psql as the superuser of this PostgreSQL.
unset \${!PG@}
PGPASSFILE="$folder/pgpass" exec "$postgres_bin/psql" -X -h 127.0.0.1 -p $postgres_port -U postgres "\$@"
PSQL
chmod 755 "$folder/psql"
for ((i = 0; i < 300; i++)); do
	"$folder/psql" -Atc 'SELECT 1' >/dev/null 2>&1 && break
	sleep 0.1
done
"$folder/psql" -qc 'CREATE DATABASE app' || { tail -5 "$folder/postgres.log"; fail "PostgreSQL does not start"; }

# ---- a repository, as a team would have it --------------------------------------------------------------------------

say "A Git repository: $folder/repository (its remote: $folder/remote.git)"
git -c init.defaultBranch=main init -q --bare "$folder/remote.git"
url=file://${folder// /%20}/remote.git
git -c init.defaultBranch=main clone -q "$url" "$folder/repository" 2>/dev/null
git -C "$folder/repository" config user.name "Quick Start"
git -C "$folder/repository" config user.email quickstart@localhost
cp -R "$top/manifests/examples/README.md" "$top/manifests/examples/postgres-cluster" "$top/manifests/examples/postgres-users" \
	"$folder/repository/"
git -C "$folder/repository" add -A
git -C "$folder/repository" commit -qm "A database cluster and its first users"
git -C "$folder/repository" push -q origin HEAD:main

for file in "$top"/manifests/examples/applications/*.yaml; do
	sed "s|repoURL: .*|repoURL: $url|" "$file" >"$folder/applications/$(basename "$file")"
done

# Their passwords are outside Git; Carol's waits for her.
for user in alice bob report-service carol; do
	secret "user-$user.yaml" <<SECRET
apiVersion: v1
kind: Secret
metadata:
  name: user-$user-secret
  namespace: postgres
stringData:
  password: $(random)
SECRET
done

# ---- the agent ------------------------------------------------------------------------------------------------------

port=$(free_port)
kubernetes="kubeconfig: ./kubeconfig # appears when the control plane is ready"
[ -z "$standalone" ] || kubernetes="none: true"
cat >"$folder/agent.yaml" <<AGENT
version: 1
state: ./state
poll: 2s
listen: 127.0.0.1:$port
applications: ./applications
secrets: ./secrets
kubernetes:
  $kubernetes
databases:
  - name: main
    connection: host=127.0.0.1 port=$postgres_port dbname=postgres user=postgres
    passwordFrom:
      file: ./secrets/superuser
    users:
      application: postgres-users
      configMap: postgres-users-config
      key: users.yaml
AGENT
export PGITOPS_CONFIG=$folder/agent.yaml

# The control plane, built when it is not there yet. The agent runs already, and finds the kubeconfig when it appears.
start_control_plane() {
	"$top/tests/kube/build.sh" >/dev/null || return 1
	local file files=()
	for file in "$top/tests/end/data/postgresql-crd.yaml" "$folder"/secrets/user-*.yaml; do
		files+=(--apply "$file")
	done
	exec python3 "$top/tests/kube/serve.py" --folder "$folder/control-plane" --kubeconfig "$folder/kubeconfig" \
		--namespace postgres "${files[@]}"
}
export -f start_control_plane
export top folder

# Shows how the building goes on, until the kubeconfig is there.
await_control_plane() {
	local pid shown= line
	pid=$(cat "$folder/pids/control-plane")
	until [ -e "$folder/kubeconfig" ]; do
		kill -0 "$pid" 2>/dev/null || { tail -5 "$folder/control-plane.log"; return 1; }
		line=$(grep '^build.sh:' "$folder/control-plane.log" | tail -1 || true)
		if [ "$line" != "$shown" ]; then
			printf '    %s\n' "${line#build.sh: }"
			shown=$line
		fi
		sleep 0.5
	done
}

if [ -z "$standalone" ]; then
	say "Kubernetes: kube-apiserver, etcd and kube-controller-manager on loopback, in the background"
	background control-plane bash -c 'set -euo pipefail; start_control_plane'
fi

if [ -n "$once" ]; then
	if [ -z "$standalone" ]; then
		await_control_plane || fail "the control plane does not start, see $folder/control-plane.log (or use --standalone)"
	fi
	say "One pass: pgitops agent --once"
	code=0
	"$program" agent --once 2>"$folder/agent.log" || code=$?
	"$program" status 2>/dev/null || true
	[ $code = 0 ] || tail -20 "$folder/agent.log"
	exit $code
fi

say "The agent"
background agent "$program" agent
for ((i = 0; i < 600; i++)); do
	# All three are there and as they should be.
	[ "$("$program" user list --no-headers 2>/dev/null | grep -c Synced)" != 3 ] || break
	kill -0 "$(cat "$folder/pids/agent")" 2>/dev/null || i=600
	sleep 0.1
done
[ $i -lt 600 ] || { tail -20 "$folder/agent.log"; fail "the users are not there after a minute, see $folder/agent.log"; }
"$program" status
trap - EXIT

cat <<TRY

==> It runs. Page: http://127.0.0.1:$port/

    export PGITOPS_CONFIG=$folder/agent.yaml PATH=$top/build:\$PATH
    cd $folder/repository

  1. Add a user and push; seconds later she is there:
    printf '      - username: carol\n        database: app\n        roles: [readonly]\n' >>postgres-users/users.yaml
    git commit -qam "Carol may read" && git push -q origin HEAD:main && sleep 5 && pgitops user list

  2. Break something by hand and see it healed:
    $folder/psql -c 'ALTER ROLE alice CREATEDB' && pgitops user sync && pgitops drift list

  3. Remove a user: take the entry of bob away and push:
    sed -i '/username: bob/,+2d' postgres-users/users.yaml
    git commit -qam "Bob has left" && git push -q origin HEAD:main && sleep 5 && pgitops user list

  Stop everything: $folder/stop
TRY
if [ -z "$standalone" ]; then
	if [ ! -e "$folder/kubeconfig" ]; then
		say "Kubernetes is on its way; the agent runs meanwhile. Ctrl-C ends only this view."
	fi
	await_control_plane || fail "the control plane does not start, see $folder/control-plane.log; the agent goes on without it"
	"$program" app wait postgres-cluster --sync --timeout 60s >/dev/null || true
	say "Kubernetes has joined (KUBECONFIG=$folder/kubeconfig kubectl get postgresqls -A)"
	"$program" status
	echo "No operator runs here: the postgresql object is stored, and nobody makes a cluster of it."
fi
