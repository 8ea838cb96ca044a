#!/bin/bash
# build.sh - builds what `tests/run.sh image` looks at: the image of the Dockerfile, twice, and the program and its unit tests on a Debian 13
#
#   tests/image/build.sh
#
# No engine: mmdebstrap makes a Debian 12 in the place of debian:12-slim, and buildah builds on it (--isolation chroot). The second build has the
# packages of the stage that compiles from the first; all else is made anew. Both Debians come from the mirror that this machine's apt has, with
# what its configuration says of proxies. All is in tests/.cache/image: root (what is in the image), image.json, digests, trixie, and the logs.
# As root, who may mount. Exit code: 0 = built, 1 = not, 2 = wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
folder=$top/tests/.cache/image
# shellcheck source=tests/packages.sh
. tests/packages.sh

fail() {
	echo "tests/image/build.sh: $*" >&2
	exit 1
}

[ $# = 0 ] || { echo "tests/image/build.sh: takes no options" >&2; exit 2; }
[ "$(id -u)" = 0 ] || fail "an image and a Debian 13 are made by root only: run the tests as root, in a container if need be"
# In a mount namespace of its own: whatever happens, nothing stays mounted.
if [ -z "${PGITOPS_IMAGE_MOUNTS:-}" ]; then
	unshare --mount mount -t tmpfs tmpfs /mnt 2>/dev/null ||
		fail "mounting is refused here, which mmdebstrap and buildah need: give the container that the tests run in CAP_SYS_ADMIN (docker run --privileged)"
	PGITOPS_IMAGE_MOUNTS=own exec unshare --mount "$0"
fi
packages_install mmdebstrap=mmdebstrap buildah=buildah git=git
mkdir -p "$folder"

say() {
	printf '==> %s (%s s)\n' "$*" "$SECONDS"
}

# logged FILE COMMAND... - what it prints is in FILE; when it fails, the end of that is shown.
logged() {
	local log=$folder/$1
	shift
	"$@" >"$log" 2>&1 || { tail -25 "$log" >&2; fail "failed, see $log: $1"; }
}

# ---- two Debians ----------------------------------------------------------------------------------------------------

# sources CODENAME - lines of sources.list for that Debian, from where this machine has its own.
sources() {
	local own targets place
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' | sort -u)
	for place in "" -updates -security; do
		awk -v own="$own$place" -v line="$1$place main" '$2 == own {print "deb", $1, line; exit}' <<<"$targets"
	done
}

# root CODENAME PLACE PACKAGES - a Debian in a folder or a tar file. It is kept: what is in it follows from these words and from the mirror.
root() {
	local lines stamp more=()
	lines=$(sources "$1")
	# Where apt-get update never ran, apt does not say what it has.
	[ -n "$lines" ] || { logged update.log apt-get -q update && lines=$(sources "$1"); }
	[ -n "$lines" ] || lines=$(printf 'deb http://deb.debian.org/debian%s main\n' " $1" " $1-updates" "-security $1-security")
	apt-config dump --no-empty --format '%F "%v";%n' Acquire | grep -E '^Acquire::(https?::|Check-|Force|Retries)' >"$folder/apt.conf" || true
	echo 'Acquire::Languages "none";' >>"$folder/apt.conf"
	# A Debian as small as this knows no authority of a mirror's certificate, until the package is there.
	[[ $lines != *https://* ]] || more+=(--customize-hook='install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"')
	[ -z "$3" ] || more+=(--include="$3")
	stamp=$(printf '%s\n' "$@" "$lines" | cat - "$folder/apt.conf" | sha256sum)
	if [ "$(cat "$folder/$2.stamp" 2>/dev/null)" != "$stamp" ] || [ ! -e "$folder/$2" ]; then
		say "Debian $1 from $(awk 'NR == 1 {print $2}' <<<"$lines")"
		rm -rf "${folder:?}/$2" "$folder/$2.stamp"
		# As the images of Debian have it: nothing is synced to the disk.
		logged "$2.log" mmdebstrap --mode=root --variant=minbase --dpkgopt=force-unsafe-io --aptopt="$folder/apt.conf" "${more[@]}" \
			"$1" "$folder/$2" - <<<"$lines"
		echo "$stamp" >"$folder/$2.stamp"
	fi
}

# ---- the image ------------------------------------------------------------------------------------------------------

image() {
	command=$1
	shift
	case $command in
	bud | commit) set -- --signature-policy "$folder/policy.json" "$@" ;;
	esac
	buildah --root "$folder/storage" --runroot "$folder/run" "$command" "$@"
}

# bud NAME OPTIONS... - at the time of the last commit, so that two builds of one commit are the same.
bud() {
	local name=$1
	shift
	logged "build-$name.log" image bud --no-cache --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" --build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" \
		--build-arg DEBIAN=localhost/debian:12-slim -t "localhost/pgitops:$name" "$@" "$top"
}

# figure TAG WORD - what buildah says of an image: FromImageDigest, or Manifest
figure() {
	image inspect --type image --format "{{.$2}}" "localhost/pgitops:$1"
}

build_image() {
	local container name
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
	rm -rf "$folder"/{storage,run,root,digests,image.json}
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$folder/policy.json"
	# Without copies of each layer, where the kernel has overlay here.
	export STORAGE_DRIVER=overlay
	image info >/dev/null 2>&1 || { STORAGE_DRIVER=vfs; rm -rf "$folder"/{storage,run}; }
	container=$(image from scratch)
	tar -C "$(image mount "$container")" -xf "$folder/bookworm.tar"
	image commit --timestamp "$SOURCE_DATE_EPOCH" -q "$container" localhost/debian:12-slim >/dev/null
	image rm "$container" >/dev/null
	say "packages to compile with"
	bud packages --target packages
	for name in first second; do
		say "the $name build of the Dockerfile"
		bud "$name" --build-context packages=container-image://localhost/pgitops:packages
	done
	# The first layer is the base.
	say "layers: $(figure first Manifest | grep -o '"size":[0-9]*' | sed 1d | cut -d: -f2 | awk '{printf "%s%.1f MB", (NR > 1 ? " + " : ""), $1 / 1e6}'), not packed"
	image inspect --type image localhost/pgitops:first >"$folder/image.json"
	container=$(image from --pull-never localhost/pgitops:first)
	cp -a "$(image mount "$container")" "$folder/root"
	image rm "$container" >/dev/null
	printf '%s\n' "$(figure first FromImageDigest)" "$(figure second FromImageDigest)" >"$folder/digests"
}

# ---- Debian 13 ------------------------------------------------------------------------------------------------------

# What a build and its unit tests need; git, ssh and openssl are called by these.
needed=gcc,libc6-dev,cmake,ninja-build,pkg-config,dpkg-dev,file,binutils,git,tzdata,ca-certificates,libgit2-dev,libyaml-dev,libcurl4-openssl-dev,libssl-dev
needed+=,libpq-dev,libsqlite3-dev,libjansson-dev,libevent-dev,libjq-dev,libseccomp-dev,libssh-dev,libcmocka-dev,openssh-client,openssl

# The network first: what compiles has no use for it.
root bookworm bookworm.tar ""
root trixie trixie "$needed"
build_image
say "pgitops and its unit tests on Debian 13"
logged trixie-build.log tests/image/trixie.sh build
say "built"
