#include "agent/show/markdown.h"

#include <string.h>

#include "agent/show/output.h"
#include "base/text.h"

enum { NOTE_BYTES = 256, SECTION_BYTES = 1024 * 1024 };

/* ---- text ---- */

static void add_escaped(struct buf *out, const char *text)
{
	CLEANUP(buf_done) struct buf visible = BUF(SECTION_BYTES);
	output_visible(text, false, &visible);
	for (const char *at = buf_string(&visible); *at; at++) {
		const char *entity = *at == '&' ? "&amp;" : *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : NULL;
		if (entity)
			buf_text(out, entity);
		else
			buf_char(out, *at);
	}
}

/* One more than the longest run of backticks inside, at least three (CommonMark 4.5). */
static size_t fence_of(const char *text)
{
	size_t longest = 2;
	for (const char *at = text; *at;) {
		size_t run = strspn(at, "`");
		longest = run > longest ? run : longest;
		at += run ? run : 1;
	}
	return longest + 1;
}

static void add_fenced(struct buf *out, const char *language, const char *text)
{
	size_t fence = fence_of(text);
	for (size_t i = 0; i < fence; i++)
		buf_char(out, '`');
	buf_printf(out, "%s\n%s%s", language, text, text_ends(text, "\n") || !*text ? "" : "\n");
	for (size_t i = 0; i < fence; i++)
		buf_char(out, '`');
	buf_char(out, '\n');
}

/* Lines of foreign text, each after the sign. */
static void add_lines(struct buf *out, const char *sign, const char *text)
{
	CLEANUP(buf_done) struct buf visible = BUF(SECTION_BYTES);
	output_visible(text, true, &visible);
	const char *at = buf_string(&visible);
	for (;;) {
		size_t length = strcspn(at, "\n");
		buf_printf(out, "%s%.*s\n", sign, (int)length, at);
		if (!at[length] || !at[length + 1])
			return;
		at += length + 1;
	}
}

/* ---- sections, as many as fit ---- */

struct comment {
	struct buf *out;
	size_t left_out;
};

static void add_section(
	struct comment *comment, const char *language, const struct buf *summary, const struct buf *body)
{
	CLEANUP(buf_done) struct buf section = BUF(SECTION_BYTES);
	buf_printf(&section, "<details><summary>%s</summary>\n\n", buf_string(summary));
	if (body->length)
		add_fenced(&section, language, buf_string(body));
	buf_text(&section, "\n</details>\n");
	bool fits = !buf_failed(&section) && !buf_failed(body) && !buf_failed(summary) &&
		!comment->left_out && comment->out->length + section.length + NOTE_BYTES <= MARKDOWN_BYTES;
	if (fits)
		buf_append(comment->out, section.data, section.length);
	else
		comment->left_out++;
}

static void end_comment(const struct comment *comment)
{
	if (comment->left_out)
		buf_printf(comment->out,
			"\n**%zu more %s not shown: a comment has room for %d KiB.** Use `-o json` for all of it.\n",
			comment->left_out, comment->left_out == 1 ? "is" : "are", MARKDOWN_BYTES / 1024);
}

/* ---- differences ---- */

static void describe_object(const json_t *item, struct buf *summary)
{
	const char *namespace = json_text_at(item, "namespace", "");
	const struct output_change *change = output_change_of(json_text_at(item, "change", "update"));
	buf_printf(summary, "%s <code>", change->sign);
	add_escaped(summary, json_text_at(item, "kind", ""));
	buf_char(summary, ' ');
	add_escaped(summary, namespace);
	buf_text(summary, *namespace ? "/" : "");
	add_escaped(summary, json_text_at(item, "name", ""));
	buf_printf(summary, "</code> %s", change->meaning);
}

static void add_object(struct comment *comment, const json_t *item)
{
	CLEANUP(buf_done) struct buf summary = BUF(SECTION_BYTES);
	CLEANUP(buf_done) struct buf body = BUF(SECTION_BYTES);
	const char *reason = json_text_at(item, "reason", "");
	const json_t *field;
	size_t i;
	describe_object(item, &summary);
	if (*reason)
		add_lines(&body, "# ", reason);
	json_array_foreach (json_object_get(item, "fields"), i, field) {
		const char *found = json_text_at(field, "found", ""),
			   *wanted = json_text_at(field, "wanted", "");
		add_lines(&body, "  ", json_text_at(field, "path", ""));
		if (*found)
			add_lines(&body, "- ", found);
		if (*wanted)
			add_lines(&body, "+ ", wanted);
	}
	add_section(comment, "diff", &summary, &body);
}

void markdown_differences(const json_t *items, struct buf *out)
{
	struct comment comment = {out, 0};
	const json_t *item;
	size_t i, count = json_array_size(items);
	if (!count)
		buf_text(out, "**Objects:** nothing differs.\n\n");
	else
		buf_printf(out, "**Objects: %zu %s.**\n\n", count, count == 1 ? "differs" : "differ");
	json_array_foreach (items, i, item)
		add_object(&comment, item);
	end_comment(&comment);
}

void markdown_not_compared(const char *reason, struct buf *out)
{
	buf_text(out, "**Objects:** ");
	add_escaped(out, reason);
	buf_text(out, ".\n\n");
}

/* ---- plans ---- */

static void add_steps(struct comment *comment, const json_t *steps, size_t from, size_t end)
{
	CLEANUP(buf_done) struct buf summary = BUF(SECTION_BYTES);
	CLEANUP(buf_done) struct buf body = BUF(SECTION_BYTES);
	const char *user = json_text_at(json_array_get(steps, from), "user", "");
	buf_text(&summary, "<code>");
	add_escaped(&summary, *user ? user : "all users");
	buf_text(&summary, "</code>");
	for (size_t i = from; i < end; i++) {
		const json_t *step = json_array_get(steps, i);
		const char *statement = json_text_at(step, "summary", json_text_at(step, "statement", ""));
		add_escaped(&summary, i == from ? ": " : ", ");
		add_escaped(&summary, json_text_at(step, "action", ""));
		if (*statement)
			add_lines(&body, "", statement);
	}
	add_section(comment, "sql", &summary, &body);
}

/* Whom no step makes as wanted. */
static void add_refusal(struct comment *comment, const json_t *refusal)
{
	CLEANUP(buf_done) struct buf summary = BUF(SECTION_BYTES);
	CLEANUP(buf_done) struct buf body = BUF(SECTION_BYTES);
	buf_text(&summary, "<code>");
	add_escaped(&summary, json_text_at(refusal, "user", ""));
	buf_text(&summary, "</code>: ");
	add_escaped(&summary, json_text_at(refusal, "status", ""));
	add_lines(&body, "", json_text_at(refusal, "reason", ""));
	add_section(comment, "", &summary, &body);
}

static void add_all_steps(struct comment *comment, const json_t *steps)
{
	size_t count = json_array_size(steps);
	for (size_t from = 0, end; from < count; from = end) {
		const char *user = json_text_at(json_array_get(steps, from), "user", "");
		end = from + 1;
		while (end < count && text_equal(json_text_at(json_array_get(steps, end), "user", ""), user))
			end++;
		add_steps(comment, steps, from, end);
	}
}

static void add_plan(struct comment *comment, const json_t *item)
{
	const json_t *steps = json_object_get(item, "steps"), *held = json_object_get(item, "held");
	const json_t *refusal;
	size_t i, count = json_array_size(steps);
	buf_text(comment->out, "**Database <code>");
	add_escaped(comment->out, json_text_at(item, "database", ""));
	buf_printf(comment->out, "</code>:** %zu %s", count, count == 1 ? "step" : "steps");
	if (json_bool_at(item, "blocked", false))
		buf_text(comment->out, ", and removals that wait for a confirmation");
	buf_text(comment->out, ".\n\n");
	json_array_foreach (json_object_get(item, "waiting"), i, refusal)
		add_refusal(comment, refusal);
	json_array_foreach (json_object_get(item, "missing"), i, refusal)
		add_refusal(comment, refusal);
	json_array_foreach (json_object_get(item, "refusals"), i, refusal)
		add_refusal(comment, refusal);
	add_all_steps(comment, steps);
	if (json_array_size(held))
		buf_text(comment->out, "Only once it is confirmed:\n\n");
	add_all_steps(comment, held);
}

void markdown_plans(const json_t *items, struct buf *out)
{
	struct comment comment = {out, 0};
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		if (comment.left_out || out->length + 2 * NOTE_BYTES > MARKDOWN_BYTES)
			comment.left_out++;
		else
			add_plan(&comment, item);
	}
	end_comment(&comment);
}
