#!/bin/bash
# table.sh - tests/RULES.md, tests/BEHAVIOURS.md, docs/in-place-of.md: each test they name exists, and each row has one that runs on the real parts;
# each command of the last has its words in the files of its tests, or in docs/first-day.md where that is the test
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

# `pgitops app wait NAME --sync`: "wait" and "--sync", as a test has them among its arguments, or "app wait" as the first day has them.
commands() {
	local table=$1 number=0
	while IFS= read -r line; do
		number=$((number + 1))
		case $line in *'| test |' | '|---'*) continue ;; '| '*) ;; *) continue ;; esac
		files=() day=
		for named in $(grep -oE '[a-z_0-9/]+\.py::' <<<"$line" || true); do
			files+=("tests/${named%::}")
			[ "$named" != end/test_first_day.py:: ] || day=docs/first-day.md
		done
		while read -r words; do
			[ -n "$words" ] || continue
			[ -z "$day" ] || ! grep -qF "pgitops $words" "$day" || continue
			for word in ${words#* }; do
				[[ $word =~ ^-*[a-z][a-z-]*$ ]] || continue
				grep -qF -e "\"$word\"" "${files[@]}" || breach "$table:$number: no test of the row has \"$word\" of pgitops $words"
			done
		done < <(grep -oE '`pgitops [^`]*`' <<<"$line" | sed -E 's/^`pgitops //; s/`$//; s/ -- .*//; s/ < .*//; s/ [A-Z].*[A-Z]$//')
	done <"$table"
}
check tests/RULES.md
check tests/BEHAVIOURS.md
check docs/in-place-of.md
commands docs/in-place-of.md
rule_end
