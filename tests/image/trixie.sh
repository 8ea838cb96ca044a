#!/bin/bash
# trixie.sh - builds, tests and packages pgitops in a Debian 13, whose compiler and libraries are newer than those of the other tests
#
#   tests/image/trixie.sh build|test|package
#
# build.sh makes the Debian 13, in tests/.cache/image/trixie. The sources are looked at there, not written to; the build is in its /build.
# test leaves the results in its /build/unit.xml; package installs the package and takes it away again.
# Exit code: 0 = all good (of test: there are results), 1 = not, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck disable=SC2016 # these are for the shell inside
case ${1:-} in
# Without -g, which takes long and finds nothing.
build) run='cmake -S /src -B /build -G Ninja -DPGITOPS_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -DNDEBUG"
	gcc --version | head -1
	cmake --build /build -j "$(nproc)" -- -k 0' ;;
# Most of what takes long there waits.
test) run='rm -f /build/unit.xml
	ctest --test-dir /build -j "$(($(nproc) * 2))" -E "^rule_" --output-on-failure --no-tests=error --test-output-size-passed 1000000 \
		--test-output-size-failed 1000000 --output-junit /build/unit.xml || [ -e /build/unit.xml ]' ;;
package) run='cd /build
	rm -f pgitops_*.deb
	cpack
	dpkg -i pgitops_*.deb # with all it depends on
	[ "$(command -v pgitops)" = /usr/bin/pgitops ]
	pgitops version
	dpkg -P pgitops' ;;
*) echo "tests/image/trixie.sh: wants build, test or package" >&2; exit 2 ;;
esac
# In a mount namespace of its own: whatever happens, nothing stays mounted.
exec unshare --mount bash -euo pipefail -s "$PWD" "$PWD/tests/.cache/image/trixie" "$run" <<'END'
top=$1 root=$2
mkdir -p "$root/src" "$root/build"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts" # which every machine has
mount --bind "$top" "$root/src"
mount -o remount,bind,ro "$root/src"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC bash -euo pipefail -c "$3" </dev/null
END
