/* What the guard found, said to a person. */
#include <stdio.h>
#include <string.h>

#include "agent/hook/allow.h"
#include "agent/hook/shim.h"
#include "base/text.h"

/* More lines are no help: the next run tells the next ones. */
enum { FINDINGS_SHOWN = 50, WARNINGS_SHOWN = 10, WORDS_SHOWN = 20 };

static void print_finding(const struct guard *guard, const struct finding *finding, const char *before)
{
	char line[16] = "";
	const struct blob *blob = finding->blob;
	if (finding->leak.line)
		snprintf(line, sizeof(line), ":%d", finding->leak.line);
	hook_say("%s%s%s%s%.60s: %s", before, guard_shown(guard, blob->path), line, blob->commit ? " in " : "",
		!blob->commit ? ""
			: strlen(blob->commit) >= 40 && !strchr(blob->commit, ' ')
			? arena_printf(guard->mem, "commit %.12s", blob->commit)
			: blob->commit,
		finding->leak.text);
}

static void print_warnings(const struct guard *guard)
{
	for (size_t i = 0; i < guard->warning_count && i < WARNINGS_SHOWN; i++)
		print_finding(guard, &guard->warnings[i], "warning: ");
	if (guard->warning_count > WARNINGS_SHOWN)
		hook_say("warning: and %zu more that only look like secrets",
			guard->warning_count - WARNINGS_SHOWN);
}

static bool had_entry(const struct guard *guard, const struct blob *blob)
{
	for (size_t i = 0; i < guard->layout->allowed_count; i++)
		if (guard->layout->allowed[i].rule == LEAK_RULES &&
			strcmp(guard->layout->allowed[i].path, blob->path) == 0)
			return true;
	return false;
}

/* One command for all of them. The fingerprint tells nobody the value, so it may stand on a screen and in Git. */
static void print_remedy(const struct guard *guard)
{
	CLEANUP(buf_done) struct buf words = BUF(64 * 1024);
	for (size_t i = 0; i < guard->count && i < WORDS_SHOWN; i++) {
		const struct finding *finding = &guard->findings[i];
		if (guard_shown(guard, finding->blob->path) == finding->blob->path) {
			buf_char(&words, ' ');
			shim_quote(&words, allow_word(finding, guard->mem));
		}
		if (had_entry(guard, finding->blob) && (i == 0 || guard->findings[i - 1].blob != finding->blob))
			hook_say(LAYOUT_FILE
				" allows %s by the sha256 of the whole file, which counts no more: each value is allowed by itself",
				finding->blob->path);
	}
	if (words.length && !buf_failed(&words))
		hook_say_long(
			"if that is meant to be public: pgitops check --secrets --allow", buf_string(&words));
}

int hook_report(const struct guard *guard, const char *what)
{
	print_warnings(guard);
	for (size_t i = 0; i < guard->count && i < FINDINGS_SHOWN; i++)
		print_finding(guard, &guard->findings[i], "");
	if (!guard->count)
		return 0;
	hook_say("%s refused: %zu plain value%s", what, guard->count, guard->count == 1 ? "" : "s");
	print_remedy(guard);
	return 1;
}

static bool is_published(const struct blob *blob)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	char option[128];
	struct error ignored;
	snprintf(option, sizeof(option), "--find-object=%s", blob->id);
	return git_ask(&out, &ignored, "log", "--remotes", "-1", "--format=%H", option, NULL) && out.length > 0;
}

/* What a server has already is not kept from it by refusing a merge: one leak that was pushed would stop everybody. */
void hook_pass_published(struct guard *guard)
{
	size_t kept = 0;
	for (size_t i = 0; i < guard->count; i++) {
		const struct finding *finding = &guard->findings[i];
		if (!is_published(finding->blob)) {
			guard->findings[kept++] = *finding;
			continue;
		}
		print_finding(guard, finding, "");
		hook_say("warning: this is on a server already: change that password, and take the file out");
	}
	guard->count = kept;
}
