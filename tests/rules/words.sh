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
for pattern in "${patterns[@]}"; do
	while IFS= read -r place; do
		breach "$place"
	done < <(git ls-files -z 2>/dev/null | grep -zvE '^tests/(kube/go\.sum|postgres/package-lock\.json|fuzz/corpus/)' |
		xargs -0r grep -nIHE -- "$pattern" 2>/dev/null | cut -c1-200 || true)
done
rule_end
