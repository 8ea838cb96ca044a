#!/bin/sh
# sbom.sh - what is in an image or a package, as SPDX 2.3 JSON on stdout, from dpkg's own list
#
#   sbom.sh [--all] PROGRAM...
#
# PROGRAM is described with each Debian package whose library it loads; --all adds every other package that is installed, as an image has
# them. Only what dpkg and the loader say is in it. With SOURCE_DATE_EPOCH equal parts give equal bytes.
set -eu
LC_ALL=C
export LC_ALL
all=
[ "${1:-}" != --all ] || { all=yes; shift; }
[ $# -gt 0 ] || { echo "usage: sbom.sh [--all] PROGRAM..." >&2; exit 2; }

# Libraries that are loaded, by the packages that own them. A merged /usr has the file under two names, of which dpkg knows one.
owners() {
	for program in "$@"; do
		ldd "$program"
	done | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' | sort -u | while read -r file; do
		found=$(dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "/usr$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null || true)
		[ -n "$found" ] || { echo "sbom.sh: no package owns $file" >&2; exit 1; }
		echo "$found" | sed 's/: .*//; s/:[a-z0-9]*$//'
	done | sort -u
}

linked=$(owners "$@")
[ -n "$linked" ] || { echo "sbom.sh: $1 loads no library of a package" >&2; exit 1; }
version=$("$1" version | awk '{print $2}')
packages=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package}\n' | sed -n 's/^installed //p' | sort)
[ -n "$all" ] || packages=$(echo "$packages" | awk -v linked="$linked" 'BEGIN {split(linked, names, "\n"); for (i in names) wanted[names[i]]} $1 in wanted')
digest=$(echo "$version $packages" | sha256sum | cut -c1-32)
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)

echo "$packages" | awk -v version="$version" -v linked="$linked" -v digest="$digest" -v created="$created" '
function encoded(text) {
	gsub(/%/, "%25", text); gsub(/\+/, "%2B", text); gsub(/:/, "%3A", text); gsub(/~/, "~", text)
	return text
}
BEGIN {
	split(linked, names, "\n")
	for (i in names) wanted[names[i]]
	printf "{\n \"spdxVersion\": \"SPDX-2.3\",\n \"dataLicense\": \"CC0-1.0\",\n \"SPDXID\": \"SPDXRef-DOCUMENT\",\n"
	printf " \"name\": \"pgitops-%s\",\n \"documentNamespace\": \"https://pgitops.dev/spdx/%s-%s\",\n", version, version, digest
	printf " \"creationInfo\": {\"created\": \"%s\", \"creators\": [\"Tool: pgitops-sbom.sh\"]},\n \"packages\": [\n", created
	printf "  {\"SPDXID\": \"SPDXRef-pgitops\", \"name\": \"pgitops\", \"versionInfo\": \"%s\", \"downloadLocation\": \"NOASSERTION\", ", version
	printf "\"filesAnalyzed\": false, \"licenseConcluded\": \"Apache-2.0\", \"licenseDeclared\": \"Apache-2.0\", \"copyrightText\": \"NOASSERTION\"}"
	relations = "  {\"spdxElementId\": \"SPDXRef-DOCUMENT\", \"relationshipType\": \"DESCRIBES\", \"relatedSpdxElement\": \"SPDXRef-pgitops\"}"
}
{
	id = $1
	gsub(/[^A-Za-z0-9.-]/, "-", id)
	printf ",\n  {\"SPDXID\": \"SPDXRef-deb-%s\", \"name\": \"%s\", \"versionInfo\": \"%s\", \"supplier\": \"Organization: Debian\", ", id, $1, $2
	printf "\"sourceInfo\": \"built from the Debian source package %s\", \"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false, ", $4
	printf "\"licenseConcluded\": \"NOASSERTION\", \"licenseDeclared\": \"NOASSERTION\", \"copyrightText\": \"NOASSERTION\", "
	printf "\"externalRefs\": [{\"referenceCategory\": \"PACKAGE-MANAGER\", \"referenceType\": \"purl\", "
	printf "\"referenceLocator\": \"pkg:deb/debian/%s@%s?arch=%s\"}]}", encoded($1), encoded($2), $3
	relation = ($1 in wanted) ? "DYNAMIC_LINK" : "CONTAINS"
	from = ($1 in wanted) ? "SPDXRef-pgitops" : "SPDXRef-DOCUMENT"
	relations = relations sprintf(",\n  {\"spdxElementId\": \"%s\", \"relationshipType\": \"%s\", \"relatedSpdxElement\": \"SPDXRef-deb-%s\"}", from, relation, id)
}
END {printf "\n ],\n \"relationships\": [\n%s\n ]\n}\n", relations}'
