#!/bin/bash
# tested.sh - every .c of base, store and reconcile has a test file of its name, or its header is in a test of its room, or
# untested.txt says where it is tested instead
. "$(dirname "$0")/rule.sh"
excuses=$rules_folder/untested.txt

while read -r file; do
	name=$(basename "$file" .c)
	folder=tests/$(dirname "$file")
	[ -e "$folder/test_$name.c" ] || [ -e "$folder/test_$name.py" ] && continue
	grep -qs "^#include \"${file%.c}\.h\"" "$folder"/test_*.c && continue
	grep -qE "^$file: .+" "$excuses" ||
		breach "$file:1: no $folder/test_$name.c or .py, no test of its header there, no reason in tests/rules/untested.txt"
done < <(c_files base store reconcile | grep '\.c$')

# A reason ends with what it was for.
while IFS=: read -r file _; do
	case $file in '' | '#'*) continue ;; esac
	[ -e "$file" ] || breach "tests/rules/untested.txt: $file is not there any more"
done <"$excuses"
rule_end
