#include "agent/commands/common.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "base/text.h"

static const char default_file[] = "/etc/pgitops/agent.yaml";

/* The options that every command knows. */
static const struct {
	const char *name, *letter;
	bool value;
} known[] = {
	{"--config", NULL, true},
	{"--state", NULL, true},
	{"--server", NULL, true},
	{"--token-file", NULL, true},
	{"--output", "-o", true},
	{"--no-headers", NULL, false},
	{"--help", "-h", false},
	{"--version", NULL, false},
};
enum {
	OPTION_CONFIG,
	OPTION_STATE,
	OPTION_SERVER,
	OPTION_TOKEN_FILE,
	OPTION_OUTPUT,
	OPTION_NO_HEADERS,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_COUNT
};

/* The option that `word` is, OPTION_COUNT = none of these. `value` is what is glued to it ("-ojson", "--output=json"). */
static size_t match(const char *word, const char **value)
{
	size_t option = 0;
	for (; option < OPTION_COUNT; option++) {
		size_t length = strlen(known[option].name);
		const char *letter = known[option].letter;
		*value = NULL;
		if (text_equal(word, known[option].name) || text_equal(word, letter))
			break;
		if (!known[option].value)
			continue;
		if (strncmp(word, known[option].name, length) == 0 && word[length] == '=') {
			*value = word + length + 1;
			break;
		}
		if (letter && strncmp(word, letter, 2) == 0) {
			*value = word + 2 + (word[2] == '=');
			break;
		}
	}
	return option;
}

static bool set_format(struct command_context *context, const char *value)
{
	static const struct {
		const char *name;
		enum output_format format;
	} formats[] = {{"table", OUTPUT_TABLE}, {"wide", OUTPUT_WIDE}, {"json", OUTPUT_JSON},
		{"yaml", OUTPUT_YAML}, {"markdown", OUTPUT_MARKDOWN}, {"csv", OUTPUT_CSV}};
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (text_equal(formats[i].name, value)) {
			context->output.format = formats[i].format;
			return true;
		}
	fprintf(stderr, "pgitops: -o takes table, wide, json, yaml, markdown or csv\n");
	return false;
}

static bool apply(
	struct command_context *context, struct global_options *found, size_t option, const char *value)
{
	switch (option) {
	case OPTION_CONFIG:
		context->config_file = value;
		return true;
	case OPTION_STATE:
		context->state = value;
		return true;
	case OPTION_SERVER:
		context->server = value;
		return true;
	case OPTION_TOKEN_FILE:
		context->token_file = value;
		return true;
	case OPTION_OUTPUT:
		return set_format(context, value);
	case OPTION_NO_HEADERS:
		context->output.headers = false;
		return true;
	case OPTION_HELP:
		found->help = true;
		return true;
	default:
		found->version = true;
		return true;
	}
}

/* What the command line does not say, the environment or the usual place says. An agent named on the command line is not
   overruled by PGITOPS_SERVER. */
static void fill_from_environment(struct command_context *context)
{
	const char *file = getenv("PGITOPS_CONFIG");
	const char *server = getenv("PGITOPS_SERVER");
	bool named = context->config_file || context->state || context->server;
	if (!named && server && *server)
		context->server = server;
	if (!context->config_file && file && *file)
		context->config_file = file;
	if (!context->config_file && access(default_file, R_OK) == 0)
		context->config_file = default_file;
}

static bool wants_colour(void)
{
	const char *none = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(none && *none) && terminal && !text_equal(terminal, "dumb");
}

bool options_read(struct command_context *context, struct global_options *found, int *argc, char **argv)
{
	int kept = 0;
	context->output = (struct output){.headers = true, .colour = wants_colour()};
	for (int i = 0; i < *argc; i++) {
		const char *value;
		if (text_equal(argv[i], "--")) { /* what follows belongs to the command */
			while (i < *argc)
				argv[kept++] = argv[i++];
			break;
		}
		size_t option = match(argv[i], &value);
		if (option == OPTION_COUNT) {
			argv[kept++] = argv[i];
			continue;
		}
		if (known[option].value && !value && i + 1 < *argc && argv[i + 1][0] != '-')
			value = argv[++i];
		if (known[option].value && (!value || !*value)) {
			fprintf(stderr, "pgitops: %s wants a value\n", known[option].name);
			return false;
		}
		if (!apply(context, found, option, value))
			return false;
	}
	*argc = kept;
	fill_from_environment(context);
	return true;
}

bool options_find_agent(struct command_context *context, struct error *err)
{
	struct config config;
	struct mistakes mistakes = {.mem = context->mem};
	if (context->state || context->server || !context->config_file)
		return true;
	if (!config_read(context->config_file, context->mem, &config, &mistakes, err))
		return false;
	context->state = config.state;
	return true;
}
