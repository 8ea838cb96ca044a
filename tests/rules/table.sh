#!/bin/bash
# table.sh - tests/RULES.md, tests/BEHAVIOURS.md, docs/in-place-of.md: each test they name exists, and each row has one that runs on the real parts
. "$(dirname "$0")/rule.sh"

check() {
	local table=$1 number=0 rows=0
	while IFS= read -r line; do
		number=$((number + 1))
		case $line in *'| test |' | '|---'*) continue ;; '| '*) ;; *) continue ;; esac
		rows=$((rows + 1))
		answer=${line%|}
		answer=${answer##*| }
		tests=$(grep -oE '[a-z_0-9/]+\.(py|c)::[a-z_0-9]+' <<<"$answer" || true)
		[ -n "$tests" ] || breach "$table:$number: no test"
		on_real_parts=no
		for named in $tests; do
			file=tests/${named%%::*}
			name=${named##*::}
			case $file in
			*.py) grep -qsE "^ *def $name\(" "$file" || breach "$table:$number: $file has no test $name" ;;
			*.c) grep -qsE "^static void $name\(void \*\*" "$file" || breach "$table:$number: $file has no test $name" ;;
			esac
			[[ $file == *.py ]] && on_real_parts=yes
		done
		[ $on_real_parts = yes ] || breach "$table:$number: only unit tests"
	done <"$table"
	[ "$rows" -gt 0 ] || breach "$table:$number: no row was found"
}
check tests/RULES.md
check tests/BEHAVIOURS.md
check docs/in-place-of.md
rule_end
