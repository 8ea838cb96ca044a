#include "agent/commands/common.h"

#include "base/text.h"

enum { MANIFESTS_MILLISECONDS = 60 * 1000, MANIFESTS_BYTES = 64 * 1024 * 1024 };

/* A stream of documents, as kubectl takes it. */
static void show_documents(const json_t *items)
{
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		CLEANUP(buf_done) struct buf text = BUF(MANIFESTS_BYTES);
		output_yaml(item, &text);
		printf("---\n%s", buf_string(&text));
	}
}

int command_app_manifests(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *operation = NULL;
	const char *timeout = NULL;
	int64_t milliseconds;
	struct error err;
	const struct command_option options[] = {{"--timeout", NULL, &timeout}};

	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1) ||
		!command_timeout(context, timeout, MANIFESTS_MILLISECONDS, &milliseconds))
		return EXIT_NO_ANSWER;
	CLEANUP(json_done) json_t *body = json_object();
	if (!command_act(context, command_application_path(context, argv[0], "/manifests"), body,
		    milliseconds, &operation, &err))
		return command_failed(&err);
	const json_t *result = json_object_get(operation, "result");
	if (!text_equal(json_text_at(operation, "phase", ""), "Succeeded") || !json_is_object(result)) {
		error_set(&err, ERROR_RETRY, "%s", json_text_at(operation, "message", "there is no answer"));
		return command_failed(&err);
	}
	if (command_is_document(context))
		output_document(&context->output, result);
	else
		show_documents(json_object_get(result, "items"));
	return EXIT_YES;
}
