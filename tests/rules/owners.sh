#!/bin/bash
# owners.sh - one foreign library has one owner (ARCHITECTURE.md): only it includes the library's headers
. "$(dirname "$0")/rule.sh"

# header (extended regular expression) | files that may include it (the same)
owners='
git2(/.*)?\.h|reconcile/source/.*
yaml\.h|reconcile/manifest/yaml[a-z_]*\.[ch]
libpq-fe\.h|reconcile/postgres/.*
libpq/.*|reconcile/postgres/.*
sqlite3\.h|store/.*
event2?(/.*)?\.h|agent/http/.*
curl/.*|base/http/.*
(jq|jv)\.h|reconcile/ignore/jq_worker\.c
seccomp\.h|reconcile/ignore/jq_worker\.c|base/sandbox/syscall_filter\.c
libssh/.*|reconcile/source/ssh_link\.c
openssl/.*|base/digest\.c|reconcile/postgres/scram\.c|reconcile/sealed/.*|reconcile/source/(sshsig|ssh_key|github_app)\.c
'

while read -r file; do
	while IFS=: read -r line text; do
		header=${text#*<}
		header=${header%%>*}
		while IFS='|' read -r pattern files; do
			[ -n "$pattern" ] || continue
			[[ $header =~ ^($pattern)$ ]] || continue
			[[ $file =~ ^($files)$ ]] || breach "$file:$line: <$header> belongs to $files"
		done <<<"$owners"
	done < <(grep -n '^#[[:space:]]*include[[:space:]]*<' "$file" || true)
done < <(c_files)
rule_end
