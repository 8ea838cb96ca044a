#!/bin/sh
# build.sh - the real kubeseal and the real Sealed Secrets controller, as their own project has them, and an independent implementation of the
# format (sealed/); prints the folder with the three
#
# The packages of Kubernetes that they need have the versions of tests/kube, which compiles them anyway: with those at hand the build takes
# half a minute on two cores, without two minutes. It is done once for each state of this module: the result is kept in tests/.cache.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache
hash=$(cat "$here/go.mod" "$here/go.sum" "$here/sealed/main.go" | sha256sum | cut -c 1-16)
folder=$cache/sealed-secrets-$hash
if [ "${1:-}" = --path ] || [ -x "$folder/sealed" ]; then
	echo "$folder"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "build.sh: Go 1.26 or newer is needed to build kubeseal and the Sealed Secrets controller" >&2
	exit 1
fi
new=$folder.new.$$
mkdir -p "$new"
trap 'rm -rf "$new"' EXIT
echo "build.sh: building kubeseal and the Sealed Secrets controller, once" >&2
cd "$here"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$new/" github.com/bitnami-labs/sealed-secrets/cmd/kubeseal \
	github.com/bitnami-labs/sealed-secrets/cmd/controller ./sealed >&2
rm -rf "$cache"/sealed-secrets-???????????????? "$cache"/kubeseal-????????????????
mv "$new" "$folder"
echo "$folder"
