#!/bin/bash
# names.sh - no name is defined by two rooms: the linker would take one of them and say nothing
. "$(dirname "$0")/rule.sh"

mapfile -t archives < <(find "$build_folder/base" "$build_folder/store" "$build_folder/reconcile" "$build_folder/agent" \
	-name '*.a' 2>/dev/null)
[ ${#archives[@]} -gt 0 ] || { echo "names.sh: no libraries in $build_folder: build first"; exit 1; }
names=$(nm --defined-only --extern-only "${archives[@]}" 2>/dev/null | awk '$2 ~ /^[TDBRC]$/ && $3 !~ /^__/ {print $3}')
[ -n "$names" ] || { echo "names.sh: nm finds no name in $build_folder"; exit 1; }
for name in $(sort <<<"$names" | uniq -d); do
	breach "$name is defined in $(nm -A --defined-only --extern-only "${archives[@]}" 2>/dev/null |
		awk -v name="$name" '$3 == name {sub(/^.*\//, "", $1); print $1}' | paste -sd' ')"
done
rule_end
