/*
 * main.c - protects the process and finds the command
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/common.h"
#include "base/budget.h"
#include "base/memory.h"
#include "base/protect.h"
#include "base/text.h"
#include "reconcile/ignore/jq_worker.h"
#include "reconcile/render/render_worker.h"
#include "reconcile/source/worker.h"

enum { COMMAND_MEMORY = 256 * 1024 * 1024 };

/* The command with the longest name that the arguments begin with ("seal keys new" before "seal keys" before "seal"); `words` is how many
   of them are its name. So a file that is called like a verb is written with its folder, ./new. */
static const struct command *find(int argc, char **argv, int *words)
{
	for (*words = argc < COMMAND_WORDS ? argc : COMMAND_WORDS; *words > 0; --*words) {
		CLEANUP(buf_done) struct buf name = BUF(256);
		for (int i = 0; i < *words; i++)
			buf_printf(&name, "%s%s", i ? " " : "", argv[i]);
		const struct command *command = buf_failed(&name) ? NULL : help_find(buf_string(&name));
		if (command)
			return command;
	}
	return NULL;
}

static int help(int argc, char **argv)
{
	char name[64];
	if (argc == 0) {
		help_overview(stdout);
		return EXIT_YES;
	}
	if (argc == 1 && text_equal(argv[0], "--man")) { /* for the build */
		help_man(stdout);
		return EXIT_YES;
	}
	snprintf(name, sizeof(name), "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	int words;
	const struct command *command = find(argc, argv, &words);
	if (command)
		help_command(stdout, command);
	else if (help_is_group(argv[0]) && argc == 1)
		help_group(stdout, argv[0]);
	else
		return help_unknown(name);
	return EXIT_YES;
}

static int not_found(int argc, char **argv)
{
	char name[128];
	if (help_is_group(argv[0]) && argc == 1) {
		help_group(stderr, argv[0]);
		return EXIT_NO_ANSWER;
	}
	bool verb = help_is_group(argv[0]) && argc > 1;
	snprintf(name, sizeof(name), "%s%s%s", argv[0], verb ? " " : "", verb ? argv[1] : "");
	return help_unknown(name);
}

/* What reviewers read. */
static bool has_markdown(const struct command *command)
{
	return text_equal(command->name, "app diff") || text_equal(command->name, "user plan") ||
		text_equal(command->name, "user access") ||
		text_equal(command->name, "cluster failover-drill");
}

static int dispatch(struct command_context *context, int argc, char **argv)
{
	struct error err;
	struct global_options found = {0};
	int words;

	if (!options_read(context, &found, &argc, argv))
		return EXIT_NO_ANSWER;
	if (argc == 0 && found.version)
		return command_version(context, 0, argv);
	if (argc == 0 && !found.help) {
		help_overview(stderr);
		return EXIT_NO_ANSWER;
	}
	if (argc > 0 && text_equal(argv[0], "help"))
		return help(argc - 1, argv + 1);
	if (found.help)
		return help(argc, argv);
	const struct command *command = find(argc, argv, &words);
	if (!command)
		return not_found(argc, argv);
	context->name = command->name;
	if (context->output.format == OUTPUT_MARKDOWN && !has_markdown(command))
		return command_misused(context,
			"-o markdown is for app diff, user plan, user access and cluster failover-drill");
	if (context->output.format == OUTPUT_CSV && !text_equal(command->name, "user access"))
		return command_misused(context, "-o csv is for user access");
	if (command->about_agent && !options_find_agent(context, &err))
		return command_failed(&err);
	return command->run(context, argc - words, argv + words);
}

/* A full disk behind `> file` must not look like success; a reader that went away (`| head`) is none of our business. */
static int finish_output(int code)
{
	bool failed = ferror(stdout) != 0;
	failed = fflush(stdout) != 0 || failed;
	if (!failed || errno == EPIPE)
		return code;
	fprintf(stderr, "pgitops: cannot write the answer: %s\n", strerror(errno));
	return EXIT_NO_ANSWER;
}

int main(int argc, char **argv)
{
	mode_t callers_umask = protect_process();
	if (argc > 1 && text_equal(argv[1], "git-worker")) {
		budget_read();
		return source_worker_main();
	}
	if (argc > 1 && text_equal(argv[1], "jq-worker"))
		return jq_worker_main();
	if (argc > 1 && text_equal(argv[1], "render-worker"))
		return render_worker_main();
	CLEANUP(arena_freep) struct arena *mem = arena_new(COMMAND_MEMORY);
	struct command_context context = {.mem = mem, .umask = callers_umask};
	return finish_output(dispatch(&context, argc > 0 ? argc - 1 : 0, argv + 1));
}
