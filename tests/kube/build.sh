#!/bin/sh
# build.sh - one binary that is etcd, kube-apiserver, kube-controller-manager and kubectl; prints its path. And kubectl's reader (reader/), beside it
#
# The build takes about five minutes on two cores and is done once for each state of this module: the result is kept
# in tests/.cache. Where KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver, these are used instead.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	for name in etcd kube-apiserver; do
		[ -x "$KUBEBUILDER_ASSETS/$name" ] && continue
		echo "build.sh: KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $name; unset it to build one" >&2
		exit 1
	done
	"$here/reader/build.sh" >/dev/null
	echo "$KUBEBUILDER_ASSETS"
	exit 0
fi

hash=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" | sha256sum | cut -c 1-16)
binary=$cache/controlplane-$hash
if [ "${1:-}" = --path ]; then
	echo "$binary"
	exit 0
fi
if [ -x "$binary" ]; then
	"$here/reader/build.sh" >/dev/null
	echo "$binary"
	exit 0
fi

if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build the control plane (or set KUBEBUILDER_ASSETS)" >&2
	exit 1
fi

version=$(sed -n 's/^[[:space:]]*k8s\.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$here/go.mod")
major=${version#v}
minor=${major#*.}
major=${major%%.*}
minor=${minor%%.*}
flags="-s -w"
flags="$flags -X k8s.io/component-base/version.gitVersion=$version"
flags="$flags -X k8s.io/component-base/version.gitMajor=$major"
flags="$flags -X k8s.io/component-base/version.gitMinor=$minor"
flags="$flags -X k8s.io/client-go/pkg/version.gitVersion=$version"

mkdir -p "$cache"
echo "build.sh: building the Kubernetes $version control plane, once (about five minutes on two cores)" >&2
status=$(mktemp)
trap 'rm -f "$status" "$binary.new"' EXIT
cd "$here"
{
	CGO_ENABLED=0 go build -v -trimpath -ldflags "$flags" -o "$binary.new" . 2>&1 && echo ok >"$status" || true
} | awk '
	/^[a-z0-9.\/_-]+$/ { if (++packages % 100 == 0) print "build.sh: " packages " of about 2800 packages"; fflush(); next }
	{ print; fflush() }' >&2
if [ "$(cat "$status")" != ok ]; then
	echo "build.sh: the build failed, see above" >&2
	exit 1
fi
mv "$binary.new" "$binary"
rm -f $(ls "$cache"/controlplane-* 2>/dev/null | grep -v -F "$binary" || true)
"$here/reader/build.sh" >/dev/null
echo "$binary"
