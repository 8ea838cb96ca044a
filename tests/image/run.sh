#!/bin/bash
# run.sh - builds the Dockerfile without an engine, and runs what comes out of it as a cluster would
#
#   tests/image/run.sh [--twice]
#
# debootstrap makes a Debian 12 in the place of debian:12-slim, buildah builds on it (--isolation chroot), and check_image.py runs the image's
# root, read-only and as user 65532, against the control plane and the PostgreSQL of the tests; it also looks at labels and SBOM. --twice builds
# once more and compares the digests. As root; some ten minutes, for which the whole run of the tests has no room: run it before a release.
# What it makes is in tests/.cache/image. Exit code: 0 = all good, 1 = not, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
folder=$top/tests/.cache/image
# shellcheck source=tests/packages.sh
. tests/packages.sh

twice=
options=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--twice) twice=yes ;;
	-h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "tests/image/run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || { echo "tests/image/run.sh: run this as root: debootstrap and chroot need it" >&2; exit 2; }
# In a mount namespace of its own: whatever happens, nothing stays mounted.
[ -n "${PGITOPS_IMAGE_MOUNTS:-}" ] || PGITOPS_IMAGE_MOUNTS=own exec unshare --mount "$PWD/tests/image/run.sh" "${options[@]}"
packages_install debootstrap=debootstrap buildah=buildah
for needed in build/test/pgitops tests/.cache/venv/bin/python tests/postgres/node_modules; do
	[ -e "$needed" ] || { echo "tests/image/run.sh: $needed is missing: ./tests/run.sh end makes it" >&2; exit 1; }
done

say() {
	printf '==> %s\n' "$*"
}

# At the top of the history, so that two builds of one commit are the same.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export STORAGE_DRIVER=vfs
mkdir -p "$folder"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$folder/policy.json"
image() {
	command=$1
	shift
	case $command in
	bud | commit) set -- --signature-policy "$folder/policy.json" "$@" ;;
	esac
	buildah --root "$folder/storage" --runroot "$folder/run" "$command" "$@"
}

if [ ! -e "$folder/debian/.made" ]; then
	say "debootstrap bookworm"
	rm -rf "$folder/debian"
	debootstrap --variant=minbase bookworm "$folder/debian" http://deb.debian.org/debian >"$folder/debootstrap.log" ||
		{ tail -5 "$folder/debootstrap.log"; exit 1; }
	# As debian:12-slim has them.
	cat >"$folder/debian/etc/apt/sources.list" <<-'END'
		deb http://deb.debian.org/debian bookworm main
		deb http://deb.debian.org/debian bookworm-updates main
		deb http://deb.debian.org/debian-security bookworm-security main
	END
	rm -rf "$folder"/debian/var/cache/apt/archives/*.deb
	touch "$folder/debian/.made"
fi
container=$(image from scratch)
tar -C "$folder/debian" -c . | tar -C "$(image mount "$container")" -x
image commit --timestamp "$SOURCE_DATE_EPOCH" -q "$container" localhost/debian:12-slim >/dev/null
image rm "$container" >/dev/null

build() {
	say "build of the Dockerfile ($1)"
	image bud --no-cache --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" --build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" \
		--build-arg DEBIAN=localhost/debian:12-slim -t "localhost/pgitops:$1" "$top" >"$folder/build-$1.log" 2>&1 ||
		{ tail -20 "$folder/build-$1.log"; exit 1; }
}

# figure TAG WORD - what buildah says of an image: FromImageDigest, or Manifest
figure() {
	image inspect --type image --format "{{.$2}}" "localhost/pgitops:$1"
}

build first
container=$(image from --pull-never localhost/pgitops:first)
trap 'image rm "$container" >/dev/null' EXIT
image inspect --type image localhost/pgitops:first >"$folder/image.json"
# The first layer is the base.
say "layers: $(figure first Manifest | grep -o '"size":[0-9]*' | sed 1d | cut -d: -f2 | awk '{printf "%s%.1f MB", (NR > 1 ? " + " : ""), $1 / 1e6}'), not packed"
say "the image at work"
PGITOPS_IMAGE_ROOT=$(image mount "$container") PGITOPS_IMAGE_JSON=$folder/image.json \
	tests/.cache/venv/bin/python -m pytest -c tests/pytest.ini --rootdir tests -n 0 -v tests/image/check_image.py
if [ -n "$twice" ]; then
	build second
	digests=("$(figure first FromImageDigest)" "$(figure second FromImageDigest)")
	say "two builds: ${digests[*]}"
	[ "${digests[0]}" = "${digests[1]}" ] || { echo "tests/image/run.sh: two builds of one commit differ" >&2; exit 1; }
fi
say "good, $SECONDS seconds"
