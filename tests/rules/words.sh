#!/bin/bash
# words.sh - words that may not stand in the repository
. "$(dirname "$0")/rule.sh"

# Paths of one machine, marks of unfinished work, and merge leftovers. The brackets keep this file from naming itself.
patterns=(
	'/wor[k]/'                     # a path of one machine
	'/roo[t]/'                     # a path of one user
	'\b(TOD[O]|FIXM[E]|XX[X])\b'   # work that is not done is an issue, not a comment
	'^(<<<<<<[<]|>>>>>>[>]) '
)
mapfile -d '' files < <(git ls-files -z | grep -zvE '^tests/(kube/go\.sum|postgres/package-lock\.json|fuzz/corpus/)')
[ ${#files[@]} -gt 0 ] || { echo "words.sh: git names no files of $source_folder"; exit 1; }
for pattern in "${patterns[@]}"; do
	while IFS= read -r place; do
		breach "$place"
	done < <(printf '%s\0' "${files[@]}" | xargs -0 grep -nIHE -- "$pattern" 2>/dev/null | cut -c1-200 || true)
done
rule_end
