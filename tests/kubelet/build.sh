#!/bin/sh
# build.sh - the kubelet of the tests (main.go) as a program; prints its path
#
# A module of its own, of the same versions as the control plane's (../kube): its build has compiled most of what this needs. Seconds then, a
# minute without. It is done once for each state of the module: the result is kept in tests/.cache.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache
hash=$(cat "$here/go.mod" "$here/go.sum" "$here/main.go" | sha256sum | cut -c 1-16)
binary=$cache/kubelet-$hash
if [ "${1:-}" = --path ] || [ -x "$binary" ]; then
	echo "$binary"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build the kubelet of the tests" >&2
	exit 1
fi
mkdir -p "$cache"
echo "build.sh: building the kubelet of the tests, once" >&2
cd "$here"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$binary.new.$$" . >&2
for old in "$cache"/kubelet-????????????????; do
	[ -e "$old" ] && rm -f "$old"
done
mv "$binary.new.$$" "$binary"
echo "$binary"
