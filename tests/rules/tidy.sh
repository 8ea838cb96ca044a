#!/bin/bash
# tidy.sh - clang-tidy finds nothing (.clang-tidy); a file that was clean is asked again when it or its headers change
#
# The analyser works in its shallow mode, a third of the time; PGITOPS_TEST_TIDY=deep follows calls further.
. "$(dirname "$0")/rule.sh"

tidy=$(command -v clang-tidy-14 || true)
[ -n "$tidy" ] || { echo "tidy.sh: clang-tidy-14 is not installed (apt-get install clang-tidy-14)"; exit 1; }
commands=$build_folder/compile_commands.json
[ -e "$commands" ] || { echo "tidy.sh: no $commands: configure the build first"; exit 1; }
clean=$build_folder/tidy
mkdir -p "$clean"
includes=$(pkg-config --cflags-only-I libpq libgit2 libcurl libevent jansson sqlite3 2>/dev/null || true)
mode=${PGITOPS_TEST_TIDY:-shallow}
export tidy build_folder clean rules_folder includes mode

check() {
	set -o pipefail # a new shell: without it the files that cannot be preprocessed would share one key
	local file=$1 key known=(--extra-arg=-include "--extra-arg=$rules_folder/tidy.h")
	[ "$file" != base/error.c ] || known=()
	# What the compiler sees of the file, and the rules it is held to.
	# shellcheck disable=SC2086 # options
	key=$({ echo "$mode"; "$tidy" --version; cat .clang-tidy; clang-14 -E -std=c17 -D_GNU_SOURCE -DPGITOPS_VERSION='""' -I. $includes "$file"; } |
		sha256sum | cut -c1-32) || return 1
	[ ! -e "$clean/$key" ] || return 0
	"$tidy" --quiet -p "$build_folder" --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-everything \
		--extra-arg=-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang "${known[@]}" \
		--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang "--extra-arg=mode=$mode" \
		--warnings-as-errors='*' "$file" 2>/dev/null || return 1
	: >"$clean/$key"
}
export -f check
c_files | grep '\.c$' | xargs -P 2 -I{} bash -c 'check "$1"' check {} || { echo "tidy.sh: see above"; exit 1; }
