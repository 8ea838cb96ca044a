#include "agent/commands/common.h"

#include "base/text.h"

/* The file goes to stdout as it is to be committed; all else to stderr. */
static void show(const struct command_context *context, const json_t *operation, const json_t *items)
{
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item)
		command_script(context, json_text_at(item, "text", ""), "");
	fprintf(stderr, "pgitops: ");
	output_text(&context->output, stderr, json_text_at(operation, "message", ""), CELL_PLAIN);
	fputc('\n', stderr);
}

int command_user_export(struct command_context *context, int argc, char **argv)
{
	const char *database = NULL, *timeout = NULL;
	int64_t milliseconds;
	struct error err;
	const struct command_option options[] = {
		{"--database", NULL, &database}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 0) ||
		!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	CLEANUP(json_done) json_t *body = json_object();
	CLEANUP(json_done) json_t *operation = NULL;
	json_set_text(body, "database", database);
	if (!command_act(context, "/api/v1/users/export", body, milliseconds, &operation, &err))
		return command_failed(&err);
	const json_t *items = json_at(operation, "result.items");
	if (!json_is_array(items)) {
		command_outcome(context, operation);
		return EXIT_NO_ANSWER;
	}
	if (command_is_document(context))
		output_document(&context->output, json_object_get(operation, "result"));
	else
		show(context, operation, items);
	return EXIT_YES;
}
