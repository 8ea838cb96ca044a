#include "agent/hook/shim.h"

#include <string.h>

#include "agent/hook/install.h"
#include "base/text.h"

const char *const shim_names[] = {"pre-commit", "pre-merge-commit", "commit-msg", "post-commit",
	"post-checkout", "post-merge", "post-rewrite", "pre-push"};
const size_t shim_count = COUNT_OF(shim_names);

static const char *const known[] = {"applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit",
	"pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout",
	"post-merge", "pre-push", "pre-auto-gc", "post-rewrite", "sendemail-validate", "post-index-change",
	"reference-transaction"};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool shim_is_ours(const char *name)
{
	return is_one_of(name, shim_names, shim_count);
}

bool shim_is_hook(const char *name)
{
	return is_one_of(name, known, COUNT_OF(known));
}

void shim_quote(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (const char *at = text; *at; at++)
		if (*at == '\'')
			buf_text(out, "'\\''");
		else
			buf_char(out, *at);
	buf_char(out, '\'');
}

static void write_head(struct buf *out, const char *name, const char *previous)
{
	buf_text(out,
		"#!/bin/sh\n" HOOK_MARK
		": made by `pgitops hook install`, taken away by `pgitops hook uninstall`\n");
	if (previous) {
		buf_text(out, "before=");
		shim_quote(out, previous);
		buf_printf(out, "/%s\n", name);
	} else {
		/* By name: pre-commit.com moves this file to NAME.legacy, the one before it stays where it is. */
		buf_printf(out,
			"case $0 in */*) before=${0%%/*} ;; *) before=. ;; esac\nbefore=$before/%s" HOOK_BEFORE
			"\n",
			name);
	}
}

void shim_pass(struct buf *out, const char *name, const char *previous)
{
	write_head(out, name, previous);
	buf_text(out, "[ -x \"$before\" ] || exit 0\nexec \"$before\" \"$@\"\n");
}

void shim_write(struct buf *out, const char *name, const char *program, const char *previous)
{
	bool pipes = strcmp(name, "pre-push") == 0 || strcmp(name, "post-rewrite") == 0,
	     refuses = !text_starts(name, "post-");
	const char *feed = pipes ? "printf '%s' \"$input\" | " : "";
	write_head(out, name, previous);
	if (pipes)
		/* $() takes line ends away, and nothing is to stay nothing: git feeds no line when there is nothing to push. */
		buf_text(out, "input=$(cat)\n[ -z \"$input\" ] || input=\"$input\n\"\n");
	buf_printf(out, "if [ -x \"$before\" ]; then\n\t%s\"$before\" \"$@\" || exit\nfi\nprogram=", feed);
	shim_quote(out, program);
	buf_printf(out,
		"\n[ -x \"$program\" ] || program=$(command -v pgitops) || {\n"
		"\techo 'pgitops: the program is gone, so the hook %s cannot look for plain passwords. Install it, or remove the hook.' >&2\n"
		"\texit %d\n}\n"
		/* The hooks alone (main.c), where they are of the same build or a later one. */
		"[ -x \"$program-hook\" ] && [ ! \"$program\" -nt \"$program-hook\" ] && program=$program-hook\n"
		"%s%s\"$program\" hook run %s -- \"$@\"\n",
		name, refuses ? 1 : 0, feed, pipes ? "" : "exec ", name);
}
