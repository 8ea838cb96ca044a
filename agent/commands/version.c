#include "agent/commands/common.h"

int command_version(struct command_context *context, int argc, char **argv)
{
	if (argc > 0)
		return command_misused(context, "%s is one argument too many", argv[0]);
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *value = json_pack("{s:s}", "version", PGITOPS_VERSION);
		output_document(&context->output, value);
		return EXIT_YES;
	}
	puts("pgitops " PGITOPS_VERSION);
	return EXIT_YES;
}
