#include "agent/commands/common.h"

enum { MANIFESTS_BYTES = 64 * 1024 * 1024 };

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
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	if (!client_call(context, "GET", command_application_path(context, argv[0], "/manifests"), NULL,
		    &answer, &err))
		return command_failed(&err);
	if (command_is_document(context))
		output_document(&context->output, answer);
	else
		show_documents(json_object_get(answer, "items"));
	return EXIT_YES;
}
