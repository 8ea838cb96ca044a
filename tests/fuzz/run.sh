#!/bin/bash
# run.sh - fuzzes: libFuzzer with ASan and UBSan over every target, or the named ones
#
#   tests/fuzz/run.sh [--seconds N | --executions N | --hours N] [--jobs N] [--minimize] [TARGET...]
#
# Each target runs for --seconds N (60), for --executions N, or for its share of --hours N, core-hours in all; --jobs N at once (one for
# each core). It begins with tests/fuzz/corpus/TARGET and with what earlier runs found worth keeping (build/fuzz/corpus/TARGET). At the
# end a line for each: executions, coverage of the files of the room it is about (edges reached of edges there), finds. A find lies in
# build/fuzz/finds/TARGET: `build/fuzz/tests/fuzz/TARGET FILE` plays it again; mended, it becomes a test and a file of the corpus.
# --minimize then makes build/fuzz/corpus as small as it can be without losing coverage: what the repository should have of it is
# chosen by hand, since every run of the tests replays all of it.
# A campaign for a release: --executions 100000000, or --hours 24. Exit code: 0 = no finds, 1 = finds, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
build=$top/build/fuzz
# shellcheck source=tests/packages.sh
. tests/packages.sh

jobs=$(nproc) seconds=60 executions=-1 hours= minimize=
targets=()
number() {
	[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "tests/fuzz/run.sh: $1 wants a number" >&2; exit 2; }
}
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) number "$@"; seconds=$2; shift ;;
	--executions) number "$@"; executions=$2 seconds=0; shift ;;
	--hours) number "$@"; hours=$2; shift ;;
	--jobs) number "$@"; jobs=$2; shift ;;
	--minimize) minimize=yes ;;
	-h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
	-*) echo "tests/fuzz/run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
	*) targets+=("fuzz_${1#fuzz_}") ;;
	esac
	shift
done

packages_install clang-14 libclang-rt-14-dev llvm-14=llvm-symbolizer cmake=cmake ninja-build=ninja pkg-config=pkg-config libgit2-dev \
	libyaml-dev libcurl4-openssl-dev libssl-dev libpq-dev libsqlite3-dev libjansson-dev libevent-dev libjq-dev libseccomp-dev \
	libssh-dev libcmocka-dev tzdata
mkdir -p "$build"
if ! { cmake -S . -B "$build" -G Ninja -DPGITOPS_FUZZ=ON -DCMAKE_C_COMPILER=clang-14 -DPGITOPS_SANITIZE=address,undefined \
	-DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build "$build" -j "$jobs" --target fuzz_targets; } >"$build/build.log" 2>&1; then
	tail -40 "$build/build.log"
	exit 1
fi

program_of() {
	find "$build/tests" -name "$1" -type f -perm -u+x
}
if [ ${#targets[@]} = 0 ]; then
	mapfile -t targets < <(cd tests/fuzz/corpus && printf '%s\n' fuzz_*)
fi
for target in "${targets[@]}"; do
	[ -n "$(program_of "$target")" ] || { echo "tests/fuzz/run.sh: there is no target $target" >&2; exit 2; }
done
[ -z "$hours" ] || seconds=$((hours * 3600 / ${#targets[@]}))
export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_SYMBOLIZER_PATH
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer llvm-symbolizer-14 | head -1)

# One target, to its end: a find ends a run of libFuzzer, and the campaign begins the next one with the time that is left.
fuzz() {
	local target=$1 program grown=$build/corpus/$1 finds=$build/finds/$1 log=$build/$1.log
	program=$(program_of "$target")
	mkdir -p "$grown" "$finds"
	(cd "$finds" && "$program" -fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
		-max_total_time="$seconds" -runs="$executions" "$grown" "$top/tests/fuzz/corpus/$target" >"$log" 2>&1 </dev/null) || true
	if [ -n "$minimize" ]; then
		rm -rf "$grown.small" && mkdir "$grown.small"
		"$program" -merge=1 "$grown.small" "$top/tests/fuzz/corpus/$target" "$grown" >"$log.merge" 2>&1 </dev/null
		rm -rf "$grown" && mv "$grown.small" "$grown"
	fi
	coverage "$target" "$program" "$grown" >"$build/$target.coverage"
}

# What the corpus reaches of each file of the program that it reaches at all: "EDGES OF FILE", and the sum as the last line.
coverage() {
	ASAN_OPTIONS=detect_leaks=0 "$2" -runs=0 -print_coverage=1 "$3" "$top/tests/fuzz/corpus/$1" 2>&1 </dev/null |
		sed -nE 's/^(UN)?COVERED_FUNC: hits: [0-9]+ edges: ([0-9]+)\/([0-9]+) .* (\/[^ ]*):[0-9]+$/\2 \3 \4/p' |
		sed "s|$build/../../||" | grep -v ' tests/' |
		awk '{ hit[$3] += $1; all[$3] += $2 }
			END { for (file in all) if (hit[file]) { print hit[file], all[file], file | "sort -k3"; sum += hit[file]; of += all[file] }
				close("sort -k3"); print sum + 0, of + 0, "all" }'
}

export -f fuzz coverage program_of
export build top seconds executions minimize
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -euo pipefail -c 'fuzz {}'

code=0
printf '%-20s %12s %8s %8s  %s\n' target executions corpus finds "coverage (edges of the files that are reached)"
for target in "${targets[@]}"; do
	tried=$(sed -nE 's/^#([0-9]+): cov.*/\1/p' "$build/$target.log" | tail -1)
	finds=$(find "$build/finds/$target" -type f | wc -l)
	[ "$finds" = 0 ] || code=1
	read -r hit all _ < <(tail -1 "$build/$target.coverage")
	printf '%-20s %12s %8s %8s  %s of %s, %s%%\n' "$target" "${tried:-0}" "$(find "$build/corpus/$target" -type f | wc -l)" "$finds" \
		"$hit" "$all" "$((all ? 100 * hit / all : 0))"
done
echo "by file: build/fuzz/TARGET.coverage; finds: build/fuzz/finds/TARGET"
exit $code
