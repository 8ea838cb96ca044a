#!/bin/bash
# debian13.sh - builds, tests, packages and runs pgitops in a Debian 13, whose compiler and libraries are newer than those of the tests
#
#   tests/image/debian13.sh
#
# debootstrap makes it in tests/.cache/image/trixie; the sources are looked at, not written to. The package is installed and taken away again, and
# the program runs there as the image does (check_image.py), against the control plane and the PostgreSQL of the tests. As root; some ten minutes.
# The package and the log stay in tests/.cache/image. Exit code: 0 = all good, 1 = not, 2 = wrong usage.
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
for needed in build/test/pgitops tests/.cache/venv/bin/python tests/postgres/node_modules; do
	[ -e "$needed" ] || { echo "tests/image/debian13.sh: $needed is missing: ./tests/run.sh end makes it" >&2; exit 1; }
done
mkdir -p "$folder"
needed=gcc,libc6-dev,cmake,ninja-build,pkg-config,dpkg-dev,file,binutils,git,tzdata,ca-certificates,libgit2-dev,libyaml-dev,libcurl4-openssl-dev,libssl-dev,libpq-dev
needed+=,libsqlite3-dev,libjansson-dev,libevent-dev,libjq-dev,libseccomp-dev,libssh-dev,libcmocka-dev,openssh-client,openssl
if [ ! -e "$root/.made" ]; then
	echo "==> debootstrap trixie"
	rm -rf "$root"
	unshare --mount debootstrap --variant=minbase --include="$needed" trixie "$root" http://deb.debian.org/debian >"$folder/debian13.log" || { tail -5 "$folder/debian13.log"; exit 1; }
	touch "$root/.made"
fi
# In a mount namespace of its own: whatever happens, nothing stays mounted.
unshare --mount bash -euo pipefail -s "$top" "$root" <<'END' 2>&1 | tee "$folder/debian13.log"
top=$1 root=$2
mkdir -p "$root/src" "$root/build"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts" # which every machine has, and debootstrap does not write
mount --bind "$top" "$root/src"
mount -o remount,bind,ro "$root/src"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC bash -euo pipefail -c '
	gcc --version | head -1
	cmake -S /src -B /build -G Ninja -DPGITOPS_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >/tmp/configure
	cmake --build /build -j 2 -- -k 0 >/tmp/build || { grep -E -A5 "error:|FAILED" /tmp/build; exit 1; }
	ctest --test-dir /build -j 2 -E "^rule_" --output-on-failure | tail -20
	cd /build
	rm -f pgitops_*.deb
	cpack >/tmp/cpack
	dpkg-deb -I pgitops_*.deb
	dpkg -i pgitops_*.deb >/tmp/dpkg # with all it depends on
	[ "$(command -v pgitops)" = /usr/bin/pgitops ] && pgitops version
	dpkg -P pgitops >/tmp/dpkg'
END
PGITOPS_IMAGE_ROOT=$root PGITOPS_IMAGE_PROGRAM=/build/pgitops tests/.cache/venv/bin/python -m pytest -c tests/pytest.ini --rootdir tests \
	-n 0 -v tests/image/check_image.py -k it_keeps_a_cluster
rm -f "$folder"/pgitops_*.deb
cp "$root"/build/pgitops_*.deb "$folder/"
echo "==> good, $SECONDS seconds: $(ls "$folder"/pgitops_*.deb)"
