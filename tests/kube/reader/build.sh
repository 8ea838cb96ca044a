#!/bin/sh
# build.sh - kubectl's reader of manifests as a program (main.go); prints its path
#
# It is of the module of the control plane, whose build has compiled all that it needs: one second then, half a minute without. It is done
# once for each state of the module: the result is kept in tests/.cache.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
module=$(dirname "$here")
cache=$(dirname "$module")/.cache
hash=$(cat "$module/go.mod" "$module/go.sum" "$here/main.go" | sha256sum | cut -c 1-16)
binary=$cache/reader-$hash
if [ "${1:-}" = --path ] || [ -x "$binary" ]; then
	echo "$binary"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build kubectl's reader" >&2
	exit 1
fi
mkdir -p "$cache"
echo "build.sh: building kubectl's reader of manifests, once" >&2
cd "$module"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$binary.new.$$" ./reader >&2
for old in "$cache"/reader-????????????????; do
	[ -e "$old" ] && rm -f "$old"
done
mv "$binary.new.$$" "$binary"
echo "$binary"
