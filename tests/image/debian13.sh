#!/bin/bash
# debian13.sh - builds, runs the unit tests and makes the package in a Debian 13, whose compiler and libraries are newer than those of the tests
#
#   tests/image/debian13.sh
#
# debootstrap makes it in tests/.cache/image/trixie; the sources are looked at, not written to. As root; some ten minutes. The package and the log
# stay in tests/.cache/image. Exit code: 0 = all good, 1 = not, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
folder=$top/tests/.cache/image
root=$folder/trixie
# shellcheck source=tests/packages.sh
. tests/packages.sh
[ $# = 0 ] || { echo "tests/image/debian13.sh: takes no options" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "tests/image/debian13.sh: run this as root: debootstrap and chroot need it" >&2; exit 2; }
packages_install debootstrap=debootstrap
mkdir -p "$folder"
needed=gcc,libc6-dev,cmake,ninja-build,pkg-config,dpkg-dev,file,binutils,git,tzdata,ca-certificates,libgit2-dev,libyaml-dev,libcurl4-openssl-dev,libssl-dev,libpq-dev
needed+=,libsqlite3-dev,libjansson-dev,libevent-dev,libjq-dev,libseccomp-dev,libssh-dev,libcmocka-dev,openssh-client,openssl
if [ ! -e "$root/.made" ]; then
	echo "==> debootstrap trixie"
	rm -rf "$root"
	debootstrap --variant=minbase --include="$needed" trixie "$root" http://deb.debian.org/debian >"$folder/debian13.log" || { tail -5 "$folder/debian13.log"; exit 1; }
	touch "$root/.made"
fi
# In a mount namespace of its own: whatever happens, nothing stays mounted.
unshare --mount bash -euo pipefail -s "$top" "$root" <<'END' 2>&1 | tee "$folder/debian13.log"
top=$1 root=$2
mkdir -p "$root/src" "$root/build"
mount --bind "$top" "$root/src"
mount -o remount,bind,ro "$root/src"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC bash -euo pipefail -c '
	gcc --version | head -1
	cmake -S /src -B /build -G Ninja -DPGITOPS_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >/tmp/configure
	cmake --build /build -j 2 >/tmp/build || { grep -E -A5 "error:|FAILED" /tmp/build; exit 1; }
	ctest --test-dir /build -j 2 -E "^rule_" --output-on-failure | tail -20
	cd /build && cpack >/tmp/cpack && dpkg-deb -I pgitops_*.deb'
END
cp "$root"/build/pgitops_*.deb "$folder/"
echo "==> good: $(ls "$folder"/pgitops_*.deb)"
