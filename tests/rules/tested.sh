#!/bin/bash
# tested.sh - every .c has a test file of its name, or its header is in a test of its room, or untested.txt says where it is
# tested instead
#
# The tests of agent/ROOM lie in tests/agent/ROOM or in tests/agent, there also as test_ROOM_NAME. A path in untested.txt that ends
# with '/' stands for its folder. Every test that a reason names is there, and every test in C is built: one that no CMakeLists.txt
# names would count here and never run.
. "$(dirname "$0")/rule.sh"
excuses=$rules_folder/untested.txt

# The folders in which the tests of this file may lie.
folders_of() {
	echo "tests/$(dirname "$1")"
	case $1 in agent/*/*) echo tests/agent ;; esac
}

is_tested() {
	local name room folder
	name=$(basename "$1" .c)
	room=$(basename "$(dirname "$1")")
	for folder in $(folders_of "$1"); do
		[ -e "$folder/test_$name.c" ] || [ -e "$folder/test_$name.py" ] || [ -e "$folder/test_${room}_$name.c" ] && return
		grep -qs "^#include \"${1%.c}\.h\"" "$folder"/test_*.c && return
	done
	return 1
}

while read -r file; do
	is_tested "$file" || grep -qE "^($file|$(dirname "$file")/): .+" "$excuses" ||
		breach "$file:1: no test_$(basename "$file" .c).c or .py in tests/$(dirname "$file"), no test of its header there," \
			"no reason in tests/rules/untested.txt"
done < <(c_files | grep '\.c$')

# A reason ends with what it was for, and with the test that it names.
tests=$(find tests -name 'test_*' -printf '%f\n')
while IFS=: read -r file reason; do
	case $file in '' | '#'*) continue ;; esac
	[ -e "$file" ] || breach "tests/rules/untested.txt: $file is not there any more"
	for test in $(grep -oE 'test_[a-z0-9_]+\.(c|py)' <<<"$reason"); do
		grep -qxF "$test" <<<"$tests" || breach "tests/rules/untested.txt: $file: $test is not there any more"
	done
done <"$excuses"

commands=$build_folder/compile_commands.json
[ -e "$commands" ] || { echo "tested.sh: no $commands: configure the build first"; exit 1; }
while read -r file; do
	grep -qF "/$file\"" "$commands" || breach "$file:1: no CMakeLists.txt builds it"
done < <(c_files tests | grep -E '/(test|fuzz)_[^/]*\.c$' | grep -v '/node_modules/\|/\.cache/')
rule_end
