#!/bin/bash
# package.sh - the plain build makes a Debian package that holds what it promises, and its unit is shut in
. "$(dirname "$0")/rule.sh"

# hardening.sh has built it, when both run.
build=$source_folder/build
mkdir -p "$build"
(cmake -S . -B "$build" && cmake --build "$build" -j 2 && cd "$build" && rm -f pgitops_*.deb && cpack) >"$build/package.log" 2>&1 ||
	{ tail -30 "$build/package.log"; echo "package.sh: cpack failed"; exit 1; }
package=$(find "$build" -maxdepth 1 -name 'pgitops_*.deb')
[ "$(wc -l <<<"$package")" = 1 ] && [ -n "$package" ] || { echo "package.sh: not one package: $package"; exit 1; }
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
dpkg-deb -x "$package" "$unpacked"

for file in usr/bin/pgitops usr/bin/pgitops-hook usr/share/man/man1/pgitops.1.gz usr/share/man/man1/pgitops-hook.1.gz usr/lib/systemd/system/pgitops.service usr/share/doc/pgitops/copyright \
	usr/share/doc/pgitops/examples/agent.yaml usr/share/doc/pgitops/CHANGELOG.md usr/share/doc/pgitops/changelog.gz usr/share/doc/pgitops/sbom.spdx.json usr/share/bash-completion/completions/pgitops usr/share/zsh/vendor-completions/_pgitops \
	usr/share/fish/vendor_completions.d/pgitops.fish; do
	[ -s "$unpacked/$file" ] || breach "$package: $file is missing or empty"
done
while read -r file; do
	breach "$package: /$file is not root's alone to write"
done < <(dpkg-deb -c "$package" | awk '$1 !~ /^l/ && ($1 ~ /^.....w/ || $1 ~ /^........w/ || $2 != "root/root") {print $6}')

# One version, written once.
version=$(sed -n 's/^project(pgitops VERSION \([0-9.]*\).*/\1/p' "$source_folder/CMakeLists.txt")
[ "$("$unpacked/usr/bin/pgitops" version)" = "pgitops $version" ] || breach "$package: the program is not version $version"
[ "$(dpkg-deb -f "$package" Version)" = "$version" ] || breach "$package: its version is not $version"
grep -q "^ARG VERSION=$version$" Dockerfile || breach "Dockerfile: ARG VERSION is not $version"
grep -q "image: pgitops:$version " manifests/base/deployment.yaml || breach "manifests/base/deployment.yaml: the image is not of version $version"
readelf --sections --wide "$unpacked/usr/bin/pgitops" | grep -q '\.debug_info' && breach "$package: the program is not stripped"
[ "$unpacked/usr/bin/pgitops" -nt "$unpacked/usr/bin/pgitops-hook" ] && breach "$package: pgitops-hook is older than pgitops: no hook would take it"
depends=$(dpkg-deb -f "$package" Depends)
for library in libgit2 libpq5 libsqlite3-0 libyaml-0-2 libcurl libssl libseccomp2 ca-certificates; do
	grep -q "$library" <<<"$depends" || breach "$package: does not depend on $library: $depends"
done

# What it is made of: what it loads, and what it depends on for that.
bill=$unpacked/usr/share/doc/pgitops/sbom.spdx.json
named=$(/usr/bin/env python3 -c 'import json, sys; print(*(one["name"] for one in json.load(open(sys.argv[1]))["packages"]))' "$bill") || breach "$package: sbom.spdx.json is no JSON"
for library in $(grep -o '"lib[^ ,]*\|\blib[^ ,(]*' <<<"$depends" | sort -u); do
	[[ " $named " == *" $library "* ]] || breach "$package: depends on $library, and sbom.spdx.json does not name it"
done

# The agent file is read as the agent reads it, but for the folder and the credential that systemd makes.
sed "s|: /var/lib/pgitops|: $unpacked/state|; s|/run/credentials/pgitops.service|$unpacked|; s|/etc/pgitops|$unpacked|; s|port=5432|port=1|" \
	"$unpacked/usr/share/doc/pgitops/examples/agent.yaml" >"$unpacked/agent.yaml"
mkdir -m 700 "$unpacked/state" "$unpacked/applications"
(umask 077; echo secret >"$unpacked/superuser")
told=$("$unpacked/usr/bin/pgitops" agent --once --config "$unpacked/agent.yaml" 2>&1 || true)
grep -q 'database main: no users are in force: there is no application postgres-users' <<<"$told" ||
	breach "manifests/package/agent.yaml: the agent does not come as far as its Applications: $told"

# Exposure as systemd counts it, 10 = everything; 2.0 is the promise.
unit=manifests/package/pgitops.service
exposure=$(systemd-analyze security --offline=yes "$unit" | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p')
[ -n "$exposure" ] && awk -v exposure="$exposure" 'BEGIN {exit !(exposure <= 2.0)}' || breach "$unit: exposure ${exposure:-unknown}, more than 2.0"
sed -i "s|^ExecStart=pgitops|ExecStart=$unpacked/usr/bin/pgitops|; /^Documentation=/d" "$unpacked/usr/lib/systemd/system/pgitops.service"
systemd-analyze verify --recursive-errors=no "$unpacked/usr/lib/systemd/system/pgitops.service" || breach "$unit: systemd-analyze verify"
rule_end
