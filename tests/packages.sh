# packages.sh - Debian packages, installed without starting or enabling anything (sourced)
#
#   packages_install PACKAGE[=COMMAND]...
#
# A package with a command counts as there when the command is, wherever it came from. Nothing is asked. While apt works,
# no service is started (policy-rc.d) and no PostgreSQL cluster is made (createcluster.conf); both files are afterwards what
# they were before.

packages_missing() {
	local item
	for item in "$@"; do
		if [[ $item == *=* ]] && [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v "${item#*=}")" ]; then
			continue
		fi
		dpkg-query -W -f='${db:Status-Status}\n' "${item%%=*}" 2>/dev/null | grep -qx installed || echo "${item%%=*}"
	done
}

# Runs a command as root.
packages_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo -n -- "$@"
	else
		echo "packages are missing: run this as root, or as a user who may use sudo without a password" >&2
		return 1
	fi
}

packages_install() {
	local missing
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "These are missing, and this is not Debian: $(echo $missing)" >&2
		return 1
	fi
	echo "Installing with apt: $(echo $missing)"
	# shellcheck disable=SC2086 # a list of words
	packages_root bash -c "$(declare -f packages_as_root); packages_as_root \"\$@\"" packages $missing
}

# In a shell of its own, as root.
packages_as_root() {
	set -euo pipefail
	export DEBIAN_FRONTEND=noninteractive
	# Not local: the trap reads them after this function has ended.
	policy=/usr/sbin/policy-rc.d
	clusters=/etc/postgresql-common/createcluster.conf
	log=$(mktemp)
	local apt=(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold
		--no-install-recommends)
	[ ! -e $policy ] || mv $policy $policy.before
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy; [ ! -e $policy.before ] || mv $policy.before $policy
		[ ! -e $clusters.before ] || mv $clusters.before $clusters; rm -f $log' EXIT
	local had_ssh=yes
	dpkg-query -W openssh-server >/dev/null 2>&1 || had_ssh=
	run() {
		"$@" >$log 2>&1 || { tail -20 $log >&2; return 1; }
	}
	run apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 update
	if [[ " $* " == *" postgresql"* ]]; then
		run "${apt[@]}" install postgresql-common
		cp -p $clusters $clusters.before
		echo 'create_main_cluster = false' >>$clusters
	fi
	run "${apt[@]}" install "$@"
	# A server that was not there before is not to come up with the next start of the machine.
	if [ -z "$had_ssh" ] && [[ " $* " == *" openssh-server "* ]] && command -v systemctl >/dev/null; then
		systemctl disable ssh.service >/dev/null 2>&1 || true
	fi
}
