#!/bin/bash
# hardening.sh - the plain build builds, and its programs are hardened as the linker can make it
. "$(dirname "$0")/rule.sh"

# The same that README.md and quickstart.sh make, so it is made once.
build=$source_folder/build
mkdir -p "$build"
{ cmake -S . -B "$build" && cmake --build "$build" -j 2 --target pgitops-hook; } >"$build/build.log" 2>&1 ||
	{ tail -30 "$build/build.log"; echo "hardening.sh: the plain build failed"; exit 1; }
wants() {
	local what=$1 text=$2 pattern=$3
	grep -qE "$pattern" <<<"$text" || breach "$program: $what"
}
for program in "$build/pgitops" "$build/pgitops-hook"; do
	dynamic=$(readelf --wide --dynamic "$program")
	segments=$(readelf --wide --program-headers "$program")
	symbols=$(readelf --wide --dyn-syms "$program")
	wants "not position-independent (PIE)" "$dynamic" 'FLAGS_1.*\bPIE\b'
	wants "symbols are bound late (no BIND_NOW)" "$dynamic" 'FLAGS.*(BIND_NOW|\bNOW\b)'
	wants "the relocations stay writable (no RELRO)" "$segments" 'GNU_RELRO'
	wants "no stack protector" "$symbols" '__stack_chk_fail'
	wants "not fortified (_FORTIFY_SOURCE)" "$symbols" '__[a-z]+_chk\b'
	wants "the stack may be executable" "$segments" 'GNU_STACK.* RW '
	grep -qE '\((RPATH|RUNPATH|TEXTREL)\)' <<<"$dynamic" && breach "$program: has an RPATH or text relocations"
done
rule_end
