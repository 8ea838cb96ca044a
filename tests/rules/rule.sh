# rule.sh - what every rule begins with (sourced): the sources' folder, and how a breach is told
#
# A rule is called as `RULE.sh SOURCE-FOLDER [BUILD-FOLDER]`, says each breach as FILE:LINE: TEXT, and ends
# with rule_end, which fails when there was one.
set -euo pipefail
export LC_ALL=C

source_folder=${1:?usage: $0 SOURCE-FOLDER [BUILD-FOLDER]}
build_folder=${2:-$source_folder/build}
rules_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
breaches=0
cd "$source_folder"
# find(1) only warns of a folder that is not there: a rule that looks at nothing would pass.
for folder in base store reconcile agent tests; do
	[ -d "$folder" ] || { echo "$(basename "$0"): $source_folder has no folder $folder"; exit 1; }
done

# Every C file of the program, or of the folders named: sorted, relative to the source folder.
c_files() {
	local folders=("$@")
	[ $# -gt 0 ] || folders=(base store reconcile agent)
	find "${folders[@]}" -name '*.[ch]' | sort
}

# The file with comments and literals blanked and its lines kept, so that a rule reads only code.
code_of() {
	awk -f "$rules_folder/code.awk" "$1"
}

breach() {
	printf '%s\n' "$*"
	breaches=$((breaches + 1))
}

rule_end() {
	if [ "$breaches" -gt 0 ]; then
		echo "$(basename "$0"): $breaches found"
		exit 1
	fi
}
