#!/bin/bash
# format.sh - the sources look as clang-format makes them; `format.sh FOLDER --fix` makes them so
fix=
[ "${2:-}" != --fix ] || fix=yes
. "$(dirname "$0")/rule.sh"

# Versions differ in what they do with the same file: the one of Debian 12 decides.
format=$(command -v clang-format-14 || true)
[ -n "$format" ] || { echo "format.sh: clang-format-14 is not installed (apt-get install clang-format-14)"; exit 1; }

mapfile -t files < <(c_files base store reconcile agent tests | grep -v '/node_modules/\|/\.cache/')
if [ -n "$fix" ]; then
	exec "$format" -i "${files[@]}"
fi
# It ends with 0 whatever it finds; with another number it has not looked, as where .clang-format cannot be read.
told=$("$format" --dry-run "${files[@]}" 2>&1) || { head -5 <<<"$told"; echo "format.sh: clang-format failed"; exit 1; }
while IFS=: read -r file line _; do
	breach "$file:$line: not as clang-format has it"
done < <(grep -E '^[^ ]+:[0-9]+:[0-9]+: warning:' <<<"$told" | sort -t: -u -k1,1)
[ "$breaches" = 0 ] || echo "bash tests/rules/format.sh . --fix"
rule_end
