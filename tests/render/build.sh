#!/bin/sh
# build.sh - kustomize and helm, as their own projects build them; prints the folder that holds both
#
# The build takes about three minutes on two cores and is done once for each state of this module: the result is kept in
# tests/.cache. Where PGITOPS_TEST_TOOLS names a folder with both, these are used instead.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache

if [ -n "${PGITOPS_TEST_TOOLS:-}" ]; then
	echo "$PGITOPS_TEST_TOOLS"
	exit 0
fi

hash=$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c 1-16)
folder=$cache/tools-$hash
if [ "${1:-}" = --path ] || [ -x "$folder/helm" ]; then
	echo "$folder"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build kustomize and helm (or set PGITOPS_TEST_TOOLS)" >&2
	exit 1
fi

rm -rf "$folder.new"
mkdir -p "$folder.new"
echo "build.sh: building kustomize and helm, once (about three minutes on two cores)" >&2
cd "$here"
for tool in sigs.k8s.io/kustomize/kustomize/v5 helm.sh/helm/v3/cmd/helm; do
	name=$(basename "${tool%/v5}")
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$folder.new/$name" "$tool" >&2
done
rm -rf "$folder"
mv "$folder.new" "$folder"
for old in "$cache"/tools-*; do
	[ "$old" = "$folder" ] || rm -rf "$old"
done
echo "$folder"
