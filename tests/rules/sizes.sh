#!/bin/bash
# sizes.sh - files up to 500 lines, functions up to 80 (CONTRIBUTING.md, "Form")
. "$(dirname "$0")/rule.sh"
file_maximum=500
function_maximum=80

while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le $file_maximum ] || breach "$file:$lines: has $lines lines, more than $file_maximum"
	# A function's body opens and closes in the first column (BreakBeforeBraces of .clang-format).
	while read -r place; do
		breach "$place"
	done < <(awk -v file="$file" -v maximum=$function_maximum '
		/^[a-zA-Z_].*\(/ { name = $0; start = NR }
		/^{/ { open = NR; if (!start || name == "") start = NR }
		/^}/ && open {
			if (NR - start + 1 > maximum && $0 == "}")
				printf "%s:%d: function of %d lines, more than %d: %s\n",
					file, start, NR - start + 1, maximum, name
			open = 0; start = 0; name = ""
		}' "$file")
done < <(c_files . | grep -E '^\./(base|store|reconcile|agent|tests)/' | grep -v '/node_modules/\|/\.cache/' | sed 's,^\./,,')
rule_end
