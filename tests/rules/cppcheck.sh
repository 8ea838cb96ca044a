#!/bin/bash
# cppcheck.sh - cppcheck finds nothing in the program's sources
. "$(dirname "$0")/rule.sh"

command -v cppcheck >/dev/null || { echo "cppcheck.sh: cppcheck is not installed (apt-get install cppcheck)"; exit 1; }
cache=$build_folder/cppcheck
mkdir -p "$cache"
mapfile -t files < <(c_files | grep '\.c$')
cppcheck --quiet --std=c11 --enable=warning,portability,performance \
	--suppressions-list="$rules_folder/cppcheck.txt" --inline-suppr \
	--library="$rules_folder/cppcheck.cfg" --error-exitcode=1 \
	--cppcheck-build-dir="$cache" -j 2 -D_GNU_SOURCE -DPGITOPS_VERSION='"0"' -D__linux__ -I. \
	--template='{file}:{line}: {message} ({id})' "${files[@]}"
