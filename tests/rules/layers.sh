#!/bin/bash
# layers.sh - a file includes only headers of its own room and of the rooms below it (ARCHITECTURE.md)
. "$(dirname "$0")/rule.sh"

# Room of a path: its folder, where reconcile's and agent's folders are rooms of their own.
room_of() {
	case $1 in
	base/*/* | reconcile/*/* | agent/*/*) echo "${1%/*}" | cut -d/ -f1-2 ;;
	*) echo "${1%%/*}" ;;
	esac
}

parts="base base/http base/sandbox store reconcile reconcile/manifest reconcile/render reconcile/source reconcile/kubernetes reconcile/ignore reconcile/patroni reconcile/postgres reconcile/grants reconcile/roles reconcile/access reconcile/sealed reconcile/leak"

# What a room may include, itself aside.
allowed() {
	case $1 in
	base) echo "" ;;
	base/http | base/sandbox) echo "base" ;;
	store) echo "base" ;;
	reconcile) echo "base" ;;
	reconcile/manifest) echo "base reconcile" ;;
	reconcile/render) echo "base base/sandbox reconcile reconcile/manifest" ;;
	reconcile/source) echo "base base/http base/sandbox reconcile reconcile/manifest reconcile/render" ;;
	reconcile/ignore) echo "base reconcile" ;;
	reconcile/kubernetes) echo "base base/http reconcile reconcile/ignore reconcile/manifest" ;;
	reconcile/patroni) echo "base base/http reconcile/postgres" ;;
	reconcile/postgres) echo "base" ;;
	reconcile/grants) echo "base reconcile/postgres" ;;
	reconcile/roles) echo "base reconcile reconcile/grants reconcile/manifest reconcile/postgres" ;;
	reconcile/access) echo "base reconcile reconcile/grants reconcile/postgres reconcile/roles" ;;
	reconcile/leak) echo "base reconcile reconcile/manifest" ;;
	reconcile/sealed) echo "base reconcile reconcile/leak reconcile/manifest" ;;
	agent/config) echo "base reconcile reconcile/ignore reconcile/manifest reconcile/postgres reconcile/roles" ;;
	agent/events) echo "base store reconcile/kubernetes" ;;
	agent/show) echo "base base/http store reconcile/manifest agent" ;;
	agent/http) echo "base store agent/events agent/show" ;;
	# agent/agent.h, command.h, main.c: what all of it shares, and the way in.
	agent) echo "$parts agent/config agent/events agent/show agent/commands" ;;
	agent/users) echo "$parts agent agent/config agent/events" ;;
	agent/sync) echo "$parts agent agent/config agent/events agent/users" ;;
	agent/loop) echo "$parts agent agent/config agent/events agent/http agent/sync agent/users" ;;
	agent/hook) echo "$parts agent agent/config agent/show" ;;
	agent/doctor) echo "$parts agent agent/config agent/show agent/loop agent/sync agent/users agent/hook" ;;
	agent/commands) echo "$parts agent agent/config agent/events agent/show agent/http agent/doctor agent/hook agent/loop agent/sync agent/users" ;;
	*) echo "unknown" ;;
	esac
}

while read -r file; do
	room=$(room_of "$file")
	may=" $(allowed "$room") $room "
	if [ "$may" = " unknown $room " ]; then
		breach "$file:1: the room $room has no place in tests/rules/layers.sh"
		continue
	fi
	while IFS=: read -r line text; do
		header=${text#*\"}
		header=${header%%\"*}
		if [[ $header != */* ]]; then
			breach "$file:$line: \"$header\" is to be included by its path from the top, as \"$room/$header\""
		elif [[ $may != *" $(room_of "$header") "* ]]; then
			breach "$file:$line: $room may not include $header"
		fi
	done < <(grep -n '^#[[:space:]]*include[[:space:]]*"' "$file" || true)
done < <(c_files)
rule_end
