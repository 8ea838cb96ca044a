#!/bin/sh
# build.sh - the real kubeseal, as its own project has it; prints its path
#
# The packages of Kubernetes that it needs have the versions of tests/kube, which compiles them anyway: with those at hand the build takes
# twenty seconds on two cores, without a minute and a half. It is done once for each state of this module: the result is kept in tests/.cache.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache
hash=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-16)
binary=$cache/kubeseal-$hash
if [ "${1:-}" = --path ] || [ -x "$binary" ]; then
	echo "$binary"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build kubeseal" >&2
	exit 1
fi
mkdir -p "$cache"
echo "build.sh: building kubeseal, once" >&2
cd "$here"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$binary.new.$$" github.com/bitnami-labs/sealed-secrets/cmd/kubeseal >&2
for old in "$cache"/kubeseal-????????????????; do
	[ -e "$old" ] && rm -f "$old"
done
mv "$binary.new.$$" "$binary"
echo "$binary"
