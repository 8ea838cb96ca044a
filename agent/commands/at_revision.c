/*
 * at_revision.c - what a commit, a branch or a pull request's head would change: objects and SQL together, asked of the agent
 */
#include "agent/commands/common.h"

#include "agent/show/markdown.h"
#include "base/text.h"

bool command_is_markdown(const struct command_context *context)
{
	return context->output.format == OUTPUT_MARKDOWN;
}

bool command_plans_change(const json_t *plans)
{
	const json_t *plan;
	size_t i;
	json_array_foreach (plans, i, plan)
		if (json_array_size(json_object_get(plan, "steps")) || json_bool_at(plan, "blocked", false))
			return true;
	return false;
}

int command_at_revision(const struct command_context *context, const char *path, const json_t *body,
	int64_t milliseconds, json_t **result)
{
	CLEANUP(json_done) json_t *operation = NULL;
	struct error err;
	if (!command_act(context, path, body, milliseconds, &operation, &err))
		return command_failed(&err);
	json_t *found = json_object_get(operation, "result");
	if (!text_equal(json_text_at(operation, "phase", ""), "Succeeded") || !json_is_object(found)) {
		fprintf(stderr, "pgitops: ");
		output_text(&context->output, stderr,
			json_text_at(operation, "message", "what it would change is not known"), CELL_PLAIN);
		fputc('\n', stderr);
		return EXIT_NO_ANSWER;
	}
	*result = json_incref(found);
	return json_array_size(json_object_get(found, "items")) ||
			command_plans_change(json_object_get(found, "users"))
		? EXIT_NO
		: EXIT_YES;
}

void command_show_markdown(const json_t *items, const char *reason, const json_t *plans)
{
	CLEANUP(buf_done) struct buf text = BUF(2 * MARKDOWN_BYTES);
	if (reason)
		markdown_not_compared(reason, &text);
	else if (items)
		markdown_differences(items, &text);
	if (plans) {
		if (items)
			buf_char(&text, '\n');
		markdown_plans(plans, &text);
	}
	fwrite(buf_string(&text), 1, text.length, stdout);
}
