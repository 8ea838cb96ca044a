#!/bin/bash
# banned.sh - functions that the program does not call, and what it calls instead (exceptions with reasons: banned.txt)
. "$(dirname "$0")/rule.sh"

# function|instead
banned='
strcpy|memcpy with the length that was checked
strcat|struct buf
strncpy|snprintf, which always ends with a NUL
strncat|struct buf
sprintf|snprintf
vsprintf|vsnprintf
gets|getline
system|posix_spawn or fork and execv: no shell
popen|posix_spawn or fork and execv: no shell
atoi|strtol with its end and errno
atol|strtol with its end and errno
atoll|strtoll with its end and errno
atof|strtod with its end and errno
strtok|strcspn or strtok_r
alloca|an arena or a fixed size
tmpnam|mkstemp
tempnam|mkstemp
mktemp|mkstemp
rand|getrandom
srand|getrandom
setenv|a parameter: the environment is not thread-safe
putenv|a parameter: the environment is not thread-safe
localtime|localtime_r
gmtime|gmtime_r
asctime|clock_text
ctime|clock_text
usleep|nanosleep
bzero|explicit_bzero or memset
'

names=$(cut -d'|' -f1 <<<"$banned" | grep . | paste -sd'|')
while read -r file; do
	code=$(code_of "$file")
	while IFS=: read -r line text; do
		for name in $(grep -oE "\\b($names)[[:space:]]*\\(" <<<"$text" | tr -d '( \t'); do
			! grep -qE "^$file $name: .+" "$rules_folder/banned.txt" || continue
			breach "$file:$line: $name() is not used here: $(grep "^$name|" <<<"$banned" | cut -d'|' -f2)"
		done
	done < <(grep -nE "(^|[^A-Za-z0-9_.>])($names)[[:space:]]*\\(" <<<"$code" || true)
done < <(c_files)
rule_end
