/* What leaves a clone, or comes to a server: commits, their messages, tags on anything, names of refs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/allow.h"
#include "base/limits.h"
#include "base/text.h"

#define STDIN_BYTES (4L * 1024 * 1024)

enum { TAGS_MAX = 16, ALLOW_SHOWN = 20 /* fingerprints take their time */ };

bool hook_read_stdin(struct buf *out)
{
	char chunk[16384];
	ssize_t got;
	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		buf_append(out, chunk, (size_t)got);
		explicit_bzero(chunk, (size_t)got);
	}
	return !buf_failed(out);
}

/* "LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID" lines; an ID of zeros is a ref that does not exist. */
static bool is_zero(const char *id)
{
	return id[strspn(id, "0")] == '\0';
}

/* What goes over: commits for rev-list, contents, and the guard, which judges tags at once. */
struct sending {
	struct hook *hook;
	struct guard guard;
	struct buf revisions;
	struct blobs blobs;
};

static struct sending sending_of(struct hook *hook)
{
	return (struct sending){.hook = hook, .guard = hook_guard(hook), .revisions = BUF(STDIN_BYTES)};
}

static void sending_done(struct sending *sending)
{
	buf_done(&sending->revisions);
	blobs_done(&sending->blobs);
	guard_done(&sending->guard);
}

static const char *type_of(struct arena *mem, const char *id)
{
	CLEANUP(buf_done) struct buf out = BUF(256);
	struct error ignored;
	return git_ask(&out, &ignored, "cat-file", "-t", id, NULL) && out.length
		? arena_copy_n(mem, out.data, strcspn(out.data, "\n"))
		: "";
}

/* "object ID\ntype TYPE\ntag NAME\ntagger ...\n\nMESSAGE": judges the message, and gives what it is on. */
static bool open_tag(struct sending *sending, const char **id, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_PATH_BYTES);
	struct arena *mem = sending->hook->mem;
	if (!git_ask(&text, err, "cat-file", "tag", *id, NULL))
		return false;
	const char *all = buf_string(&text), *name = strstr(all, "\ntag "), *empty = strstr(all, "\n\n");
	if (!text_starts(all, "object ") || !empty)
		return error_set(err, ERROR_INVALID, "the tag %s cannot be read", *id);
	const char *tag = name && name < empty ? arena_copy_n(mem, name + 5, strcspn(name + 5, "\n")) : *id;
	tag = arena_printf(mem, "tag %s", guard_shown(&sending->guard, tag));
	guard_text(&sending->guard, GUARD_MESSAGE, tag, empty + 2, text.length - (size_t)(empty + 2 - all));
	*id = arena_copy_n(mem, all + 7, strcspn(all + 7, "\n"));
	return true;
}

/* Most refs are branches, and are not asked about. */
static bool send_target(struct sending *sending, const char *id, const char *ref, struct error *err)
{
	struct arena *mem = sending->hook->mem;
	struct known_hit hit;
	if (known_find(sending->guard.known, ref, strlen(ref), false, 0, &hit))
		guard_text(&sending->guard, GUARD_REF, NULL, ref, strlen(ref));
	const char *type = text_starts(ref, "refs/heads/") ? "commit" : type_of(mem, id);
	for (int depth = 0; strcmp(type, "tag") == 0; depth++) {
		if (depth == TAGS_MAX)
			return error_set(err, ERROR_INVALID, "%s is a tag of a tag of a tag, and so on", ref);
		if (!open_tag(sending, &id, err))
			return false;
		type = type_of(mem, id);
	}
	if (strcmp(type, "commit") == 0)
		buf_printf(&sending->revisions, "%s\n", id);
	else if (strcmp(type, "tree") == 0)
		return guard_tree(mem, id, arena_printf(mem, "%s", guard_shown(&sending->guard, ref)),
			&sending->blobs, err);
	else if (strcmp(type, "blob") == 0)
		guard_add(mem, &sending->blobs,
			(struct blob){.id = arena_copy(mem, id),
				.path = arena_copy(mem, ref),
				.commit = "what the tag is on"});
	else
		return error_set(
			err, ERROR_INVALID, "%s cannot be read: git cat-file knows no such object", ref);
	return true;
}

static int failed(const struct error *err)
{
	hook_say("%s", err->text);
	return 2;
}

static bool judge(struct sending *sending, const char *const *list, struct error *err)
{
	struct blobs *blobs = &sending->blobs;
	struct blobs commits = {0};
	bool ok = true;
	if (sending->revisions.length)
		ok = guard_commits(sending->hook->mem, list, buf_string(&sending->revisions), &commits, err) &&
			guard_scan(&sending->guard, &commits, err);
	ok = ok && guard_scan(&sending->guard, blobs, err);
	blobs_done(&commits);
	return ok;
}

static int end_push(const struct guard *guard)
{
	int code = hook_report(guard, "push");
	if (code)
		hook_say("the commits stay here: rewrite them (git commit --amend, git rebase -i), and change a password that was "
			 "pushed before");
	return code ? 1 : 0;
}

/* A line of what git says on stdin about a push: "LOCAL-REF LOCAL REMOTE-REF THERE" before it, "OLD NEW REF" on the server. */
struct push_line {
	char *words[4]; /* NULL = not there */
};

/* The next one; `rest` is NULL before the first. */
static bool next_line(struct buf *lines, char **rest, struct push_line *found)
{
	char *line = lines->length ? strtok_r(*rest ? NULL : lines->data, "\n", rest) : NULL, *words = NULL;
	*found = (struct push_line){0};
	for (size_t i = 0; line && i < COUNT_OF(found->words); i++)
		found->words[i] = strtok_r(i ? NULL : line, " ", &words);
	return line;
}

int hook_pre_push(struct hook *hook, const char *remote)
{
	CLEANUP(buf_done) struct buf lines = BUF(STDIN_BYTES);
	CLEANUP(sending_done) struct sending sending = sending_of(hook);
	const char *of_remote = arena_printf(hook->mem, "--remotes=%s", remote);
	const char *const list[] = {"rev-list", "--stdin", "--not", of_remote, NULL};
	struct error err = {0};
	struct push_line line;
	char *rest = NULL;
	if (!hook_read_stdin(&lines))
		return 2;
	while (next_line(&lines, &rest, &line)) {
		const char *local = line.words[1], *ref = line.words[2], *there = line.words[3];
		if (!local || !there || is_zero(local))
			continue;
		if (!send_target(&sending, local, ref, &err))
			return failed(&err);
		/* What the server has may not be here: then its refs that are known here say what is new. */
		if (!is_zero(there) &&
			git_says("cat-file", "-e", arena_printf(hook->mem, "%s^{commit}", there), NULL))
			buf_printf(&sending.revisions, "^%s\n", there);
	}
	if (!judge(&sending, list, &err))
		return failed(&err);
	return end_push(&sending.guard);
}

/* A push of which nobody tells us the refs, since their list on stdin belongs to other hooks (tools.h): all commits that this clone has
   and the remote has not. What a tag itself says is not judged so: the remote may have it for long. */
int hook_push(struct hook *hook, const char *remote)
{
	CLEANUP(sending_done) struct sending sending = sending_of(hook);
	const char *of_remote = arena_printf(hook->mem, "--remotes=%s", remote);
	const char *const list[] = {"rev-list", "--stdin", "--tags", "--not", of_remote, NULL};
	struct error err = {0};
	if (!git_ask(&sending.revisions, &err, "for-each-ref", "--format=%(objectname)", "refs/heads", NULL))
		return failed(&err);
	if (git_says("rev-parse", "--verify", "--quiet", "HEAD", NULL))
		buf_text(&sending.revisions, "HEAD\n");
	if (!judge(&sending, list, &err))
		return failed(&err);
	return end_push(&sending.guard);
}

/* What the repository allows to be plain stands in the .pgitops.yaml of the commit that is judged: a server has no work
   tree. One that cannot be read allows nothing. */
static void take_layout_of(struct hook *hook, const char *commit)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	const char *file = arena_printf(hook->mem, "%s:" LAYOUT_FILE, commit);
	struct mistakes ignored = {.mem = hook->mem};
	struct layout layout;
	struct error err;
	if (git_says("cat-file", "-e", file, NULL) && git_ask(&text, &err, "cat-file", "blob", file, NULL) &&
		layout_parse(buf_string(&text), text.length, hook->mem, &layout, &ignored))
		hook->layout = layout;
}

/* "OLD NEW REF" lines of the server. New objects are in quarantine: git itself knows where. */
int hook_pre_receive(struct hook *hook)
{
	static const char *const list[] = {"rev-list", "--stdin", "--not", "--all", NULL};
	CLEANUP(buf_done) struct buf lines = BUF(STDIN_BYTES);
	CLEANUP(sending_done) struct sending sending = sending_of(hook);
	struct error err = {0};
	struct push_line line;
	char *rest = NULL;
	if (!hook_read_stdin(&lines))
		return 2;
	while (next_line(&lines, &rest, &line)) {
		const char *new = line.words[1], *ref = line.words[2];
		if (!new || is_zero(new))
			continue;
		if (!send_target(&sending, new, ref ? ref : "refs/heads/", &err))
			return failed(&err);
		take_layout_of(hook, new);
	}
	if (!judge(&sending, list, &err))
		return failed(&err);
	return hook_report(&sending.guard, "push");
}

static void add_document(const struct guard *guard, const struct finding *list, size_t count, json_t *items)
{
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = &list[i];
		bool refused = finding->leak.rule != LEAK_LOOKS;
		json_t *item = json_pack("{s:o, s:s, s:s, s:o}", "path",
			json_text(guard_shown(guard, finding->blob->path)), "rule",
			leak_rule_name(finding->leak.rule), "severity", refused ? "refused" : "warning",
			"text", json_text(finding->leak.text));
		if (finding->leak.line)
			json_object_set_new(item, "line", json_integer(finding->leak.line));
		if (finding->blob->commit)
			json_object_set_new(item, "commit", json_text(finding->blob->commit));
		if (refused && i < ALLOW_SHOWN)
			json_object_set_new(item, "allow",
				json_text(guard_shown(guard, allow_word(finding, guard->mem))));
		json_array_append_new(items, item);
	}
}

int hook_check(struct hook *hook, const char *range, json_t *items)
{
	const char *const list[] = {"rev-list", "--end-of-options", range, "--", NULL};
	CLEANUP(blobs_done) struct blobs blobs = {0};
	struct error err = {0};
	bool ok;
	if (hook->checkout.bare)
		take_layout_of(hook, "HEAD");
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	if (range)
		ok = guard_commits(hook->mem, list, NULL, &blobs, &err);
	else if (hook->checkout.bare)
		ok = guard_tree(hook->mem, "HEAD", NULL, &blobs, &err);
	else
		ok = guard_index(hook->mem, &blobs, &err);
	if (!ok || !guard_scan(&guard, &blobs, &err))
		return failed(&err);
	if (items) {
		add_document(&guard, guard.findings, guard.count, items);
		add_document(&guard, guard.warnings, guard.warning_count, items);
		return guard.count ? 1 : 0;
	}
	int code = hook_report(&guard, "check");
	if (code == 0)
		printf("%zu file%s: no plain passwords\n", blobs.count, blobs.count == 1 ? "" : "s");
	return code;
}
