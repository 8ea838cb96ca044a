/* The Git hooks: put in, taken out, looked at, run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/sealing.h"
#include "agent/hook/allow.h"
#include "agent/hook/install.h"

/* What the scripts call: this very program, wherever it lies. */
static bool own_path(char *path, size_t size, struct error *err)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	if (length <= 0)
		return error_set(err, ERROR_RETRY, "cannot find out where this program lies (/proc/self/exe)");
	path[length] = '\0';
	return true;
}

int command_hook_install(struct command_context *context, int argc, char **argv)
{
	char program[4096];
	CLEANUP(hook_close) struct hook hook = {0};
	struct error err;
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, NULL, 0, 0, 0))
		return EXIT_NO_ANSWER;
	if (!own_path(program, sizeof(program), &err) || !hook_open(context->mem, &hook, &err) ||
		!hook_install(&hook, program, &err))
		return command_failed(&err);
	return EXIT_YES;
}

int command_hook_uninstall(struct command_context *context, int argc, char **argv)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct error err;
	if (!command_arguments(context, &argc, argv, NULL, 0, 0, 0))
		return EXIT_NO_ANSWER;
	if (!hook_open(context->mem, &hook, &err) || !hook_uninstall(&hook, &err))
		return command_failed(&err);
	return EXIT_YES;
}

static json_t *document(const struct rows *rows)
{
	static const char *const states[] = {"ok", "warning", "failed"};
	json_t *items = json_array();
	for (size_t i = 0; i < rows->count; i++)
		json_array_append_new(items,
			json_pack("{s:s, s:s, s:s, s:s}", "check", rows->items[i].what, "status",
				states[rows->items[i].state], "found", rows->items[i].found, "remedy",
				rows->items[i].remedy));
	return json_pack("{s:o}", "items", items);
}

static void print_rows(const struct command_context *context, const struct rows *rows)
{
	static const char *const headers[] = {"CHECK", "STATUS", "FOUND", "REMEDY"};
	static const char *const states[] = {"ok", "warning", "failed"};
	static const enum cell_style styles[] = {CELL_GOOD, CELL_BUSY, CELL_BAD};
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		table_cell(table, row->what, CELL_PLAIN);
		table_cell(table, states[row->state], styles[row->state]);
		table_cell(table, row->found, CELL_PLAIN);
		table_cell(table, command_or_dash(row->remedy), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

int command_hook_status(struct command_context *context, int argc, char **argv)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct sealing_source source = {0};
	bool history = false, cluster = false;
	const struct command_option options[] = {{"--history", &history, NULL}, {"--cluster", &cluster, NULL},
		{"--controller-name", NULL, &source.controller_name},
		{"--controller-namespace", NULL, &source.controller_namespace},
		{"--kubeconfig", NULL, &source.kubeconfig}, {"--context", NULL, &source.kube.context}};
	struct rows rows = {0};
	struct error err;
	int code = EXIT_YES;
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 0))
		return EXIT_NO_ANSWER;
	if (!hook_open(context->mem, &hook, &err))
		return command_failed(&err);
	hook_rows(&hook, &rows);
	certificate_rows(&hook, &rows);
	if (cluster)
		sealing_cluster_row(&source, &hook, &rows);
	if (history)
		history_rows(&hook, &rows);
	for (size_t i = 0; i < rows.count; i++)
		if (rows.items[i].state == ROW_BAD)
			code = EXIT_NO;
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *shown = document(&rows);
		output_document(&context->output, shown);
	} else {
		print_rows(context, &rows);
	}
	return code;
}

/* `pgitops hook run NAME -- ARGUMENTS`, as the scripts call it. */
int command_hook_run(struct command_context *context, int argc, char **argv)
{
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1000))
		return EXIT_NO_ANSWER;
	return hook_run(argv[0], argc - 1, argv + 1, context->mem);
}

static int allow(struct command_context *context, int argc, char **argv)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct error err;
	if (argc == 0)
		return command_misused(context, "--allow takes what a refusal prints: PATH:RULE:FINGERPRINT");
	if (!hook_open(context->mem, &hook, &err) || !allow_write(&hook, (size_t)argc, argv, &err))
		return command_failed(&err);
	printf("%d value%s allowed: see the change of " LAYOUT_FILE
	       " (of a known password: of this clone), and add it to the commit\n",
		argc, argc == 1 ? " is" : "s are");
	return EXIT_YES;
}

static int look(struct command_context *context, const char *range)
{
	CLEANUP(hook_close) struct hook hook = {0};
	CLEANUP(json_done) json_t *document = json_pack("{s:[]}", "items");
	struct error err;
	if (!hook_open(context->mem, &hook, &err))
		return command_failed(&err);
	if (!command_is_document(context))
		return hook_check(&hook, range, NULL);
	int code = hook_check(&hook, range, json_object_get(document, "items"));
	if (code != EXIT_NO_ANSWER)
		output_document(&context->output, document);
	return code;
}

/* `pgitops check --secrets [REV..REV]`, with --allow what may be plain, and with --pre-receive the server's side. */
int command_check_secrets(struct command_context *context, int argc, char **argv)
{
	bool secrets = false, receive = false, allows = false;
	const struct command_option options[] = {
		{"--secrets", &secrets, NULL}, {"--pre-receive", &receive, NULL}, {"--allow", &allows, NULL}};
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1000))
		return EXIT_NO_ANSWER;
	if (allows)
		return allow(context, argc, argv);
	if (argc > 1)
		return command_misused(context, "--secrets takes one range of commits: REV..REV");
	if (receive)
		return hook_run("pre-receive", 0, NULL, context->mem);
	return look(context, argc ? argv[0] : NULL);
}
