#include "agent/commands/common.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http/percent.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"

int command_misused(const struct command_context *context, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;
	CLEANUP(buf_done) struct buf visible = BUF(4 * ERROR_TEXT_SIZE);
	const struct command *command = help_find(context->name);

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	output_visible(text, false, &visible);
	fprintf(stderr, "pgitops %s: %s\n", context->name, buf_string(&visible));
	if (command)
		fprintf(stderr, "usage: pgitops %s%s%s%s\n", command->name, *command->arguments ? " " : "",
			command->arguments, *command->options ? " [OPTION...]" : "");
	fprintf(stderr, "`pgitops help %s` says more.\n", context->name);
	return EXIT_NO_ANSWER;
}

int command_failed(const struct error *err)
{
	CLEANUP(buf_done) struct buf visible = BUF(4 * ERROR_TEXT_SIZE);
	output_visible(err->text, false, &visible);
	fprintf(stderr, "pgitops: %s\n", buf_string(&visible));
	return EXIT_NO_ANSWER;
}

/* ---- arguments ---- */

static const struct command_option *find_option(
	const struct command_option *options, size_t count, const char *word)
{
	size_t length = strcspn(word, "=");
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0)
			return &options[i];
	return NULL;
}

/* `next` is the word after it, NULL = none; `taken` says whether it was the value. */
static bool take_option(const struct command_context *context, const struct command_option *option,
	const char *word, const char *next, bool *taken)
{
	const char *equals = strchr(word, '=');
	bool no = equals && text_equal(equals, "=false");
	if (option->flag && equals && !no && !text_equal(equals, "=true")) {
		command_misused(context, "%s takes no value", option->name);
		return false;
	}
	if (option->value && !equals && (!next || (*next == '-' && next[1]))) {
		command_misused(context, "%s wants a value", option->name);
		return false;
	}
	if (option->flag)
		*option->flag = !no;
	else if (option->value)
		*option->value = equals ? equals + 1 : next;
	*taken = option->value && !equals;
	return true;
}

/* The word of the usage line that comes after `given` ones: NAME, PATH, ... */
static const char *missing(const struct command_context *context, int given)
{
	const struct command *command = help_find(context->name);
	const char *word = command ? command->arguments : "";
	for (int i = 0; i < given && *word; i++)
		word += strcspn(word, " ") + (word[strcspn(word, " ")] == ' ');
	size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
	return length ? arena_copy_n(context->mem, word, length) : "an argument";
}

bool command_arguments(const struct command_context *context, int *argc, char **argv,
	const struct command_option *options, size_t count, int least, int most)
{
	int kept = 0;
	bool ended = false;

	for (int i = 0; i < *argc; i++) {
		bool taken = false;
		if (!ended && text_equal(argv[i], "--")) {
			ended = true;
		} else if (ended || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[kept++] = argv[i];
		} else {
			const struct command_option *option = find_option(options, count, argv[i]);
			if (!option) {
				command_misused(context, "unknown option %s", argv[i]);
				return false;
			}
			if (!take_option(context, option, argv[i], i + 1 < *argc ? argv[i + 1] : NULL, &taken))
				return false;
			i += taken;
		}
	}
	*argc = kept;
	if (kept < least || kept > most) {
		if (kept < least)
			command_misused(context, "%s is missing", missing(context, kept));
		else
			command_misused(context, "%s is one argument too many", argv[most]);
		return false;
	}
	return true;
}

bool command_repeated(const struct command_context *context, int *argc, char **argv, const char *option,
	struct command_values *values)
{
	const char *value;
	const struct command_option options[] = {{option, NULL, &value}};
	int kept = 0, i = 0;

	for (; i < *argc && !text_equal(argv[i], "--"); i++) {
		bool taken = false;
		if (!find_option(options, 1, argv[i])) {
			argv[kept++] = argv[i];
			continue;
		}
		if (!take_option(context, options, argv[i], i + 1 < *argc ? argv[i + 1] : NULL, &taken))
			return false;
		values->items =
			arena_grow(context->mem, (void *)values->items, values->count, sizeof(*values->items));
		values->items[values->count++] = value;
		i += taken;
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	*argc = kept;
	return true;
}

bool command_timeout(const struct command_context *context, const char *text, int64_t *milliseconds)
{
	if (!text) {
		*milliseconds = COMMAND_MILLISECONDS;
		return true;
	}
	if (duration_parse(text, milliseconds))
		return true;
	command_misused(context, "--timeout %s is no duration (30s, 5m, 1h)", text);
	return false;
}

/* ---- reading and acting ---- */

bool command_view(const struct command_context *context, const char *path, json_t **answer, struct error *err)
{
	if (!client_view(context, path, answer, err))
		return false;
	if (!context->server && !client_running(context))
		say(stderr, "pgitops: no agent is running on %s: this is what it recorded last\n",
			context->state);
	return true;
}

bool command_act(const struct command_context *context, const char *path, const json_t *body,
	int64_t milliseconds, json_t **operation, struct error *err)
{
	CLEANUP(json_done) json_t *accepted = NULL;
	if (!client_call(context, "POST", path, body, &accepted, err))
		return false;
	int64_t id = json_number_at(accepted, "operation", 0);
	if (!id)
		return error_set(err, ERROR_INVALID, "the answer to POST %s names no operation", path);
	if (milliseconds)
		return client_wait(context, id, milliseconds, operation, err);
	*operation = json_incref(accepted);
	return true;
}

int command_outcome(const struct command_context *context, const json_t *operation)
{
	const char *phase = json_text_at(operation, "phase", "");
	const char *message = json_text_at(operation, "message", "");
	bool good = text_equal(phase, "Succeeded");
	command_block(context, good ? stdout : stderr, 0, message, CELL_PLAIN);
	return good ? EXIT_YES : EXIT_NO;
}

json_t *command_names(int argc, char **argv)
{
	json_t *names = json_array();
	for (int i = 0; i < argc; i++)
		json_array_append_new(names, json_text(argv[i]));
	return names;
}

const char *command_encoded(const struct command_context *context, const char *text)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	percent_encode(&out, text);
	return arena_copy(context->mem, buf_string(&out));
}

const char *command_application_path(const struct command_context *context, const char *name, const char *rest)
{
	return arena_printf(context->mem, "/api/v1/applications/%s%s", command_encoded(context, name), rest);
}

/* ---- showing ---- */

bool command_is_document(const struct command_context *context)
{
	return context->output.format == OUTPUT_JSON || context->output.format == OUTPUT_YAML;
}

const char *command_age(const struct command_context *context, const char *time)
{
	int64_t then;
	char text[16];
	if (!time || !clock_parse(time, &then))
		return "-";
	duration_text((clock_now() - then) / 1000, text);
	return arena_copy(context->mem, text);
}

const char *command_time(const struct command_context *context, const char *time)
{
	int64_t then;
	char text[CLOCK_TEXT_SIZE];
	if (!time || !clock_parse(time, &then))
		return "-";
	clock_text_seconds(then, text);
	return arena_printf(context->mem, "%.10s %.8s", text, text + 11);
}

const char *command_commit(const struct command_context *context, const char *commits)
{
	return commits && *commits ? commits_short(commits, 7, context->mem) : "-";
}

const char *command_commits(const struct command_context *context, const json_t *document)
{
	char commits[COMMITS_SIZE];
	commits_read(document, commits);
	return arena_copy(context->mem, commits);
}

bool command_revisions(const struct command_context *context, int *argc, char **argv, json_t *body)
{
	struct command_values revisions = {0}, positions = {0};
	if (!command_repeated(context, argc, argv, "--revisions", &revisions) ||
		!command_repeated(context, argc, argv, "--source-positions", &positions))
		return false;
	if (revisions.count != positions.count) {
		command_misused(context,
			"--revisions and --source-positions go together: one of each for each source");
		return false;
	}
	for (size_t i = 0; i < revisions.count; i++) {
		char *end;
		long position = strtol(positions.items[i], &end, 10);
		if (*end || position < 1 || position > LIMIT_SOURCES) {
			command_misused(context, "--source-positions %s is no position: the first source is 1",
				positions.items[i]);
			return false;
		}
		if (!i) {
			json_object_set_new(body, "revisions", json_array());
			json_object_set_new(body, "sourcePositions", json_array());
		}
		json_array_append_new(json_object_get(body, "revisions"), json_string(revisions.items[i]));
		json_array_append_new(json_object_get(body, "sourcePositions"), json_integer(position));
	}
	return true;
}

const char *command_first_line(const struct command_context *context, const char *text)
{
	return arena_copy_n(context->mem, text, strcspn(text, "\n"));
}

const char *command_object(const struct command_context *context, const json_t *object)
{
	const char *namespace = json_text_at(object, "namespace", "");
	return arena_printf(context->mem, "%s %s%s%s", json_text_at(object, "kind", ""), namespace,
		*namespace ? "/" : "", json_text_at(object, "name", ""));
}

void command_change_cell(const struct command_context *context, struct table *table, const json_t *change)
{
	const char *outcome = json_text_at(change, "outcome", "");
	int64_t times = json_number_at(change, "times", 1);
	const char *shown = *outcome ? outcome : "not known";
	if (times > 1)
		shown = arena_printf(context->mem, "%s (%lld times)", shown, (long long)times);
	table_cell(table, shown, *outcome ? output_style_of(outcome) : CELL_BUSY);
}

const char *command_statement(const struct command_context *context, const json_t *change)
{
	enum { SHOWN = 60 };
	const char *statement = json_text_at(change, "statement", "");
	if (context->output.format == OUTPUT_WIDE || strlen(statement) <= SHOWN)
		return statement;
	return arena_printf(
		context->mem, "%.*s...", (int)text_fit(statement, SHOWN - strlen("...")), statement);
}

void command_script(const struct command_context *context, const char *script, const char *before)
{
	while (*script) {
		size_t length = strcspn(script, "\n");
		fputs(before, stdout);
		output_text(&context->output, stdout, arena_copy_n(context->mem, script, length),
			*before || text_starts(script, "--") ? CELL_DIM : CELL_PLAIN);
		putchar('\n');
		script += length + (script[length] == '\n');
	}
}

const char *command_join(const struct command_context *context, const json_t *list, const char *none)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	const json_t *item;
	size_t i;
	json_array_foreach (list, i, item)
		if (json_is_string(item))
			buf_printf(&out, "%s%s", out.length ? ", " : "", json_string_value(item));
	return out.length ? arena_copy(context->mem, buf_string(&out)) : none;
}

const char *command_or_dash(const char *text)
{
	return text && *text ? text : "-";
}

bool command_since(const struct command_context *context, const char *text, const char **since)
{
	int64_t time, milliseconds;
	char stamp[CLOCK_TEXT_SIZE];
	if (!clock_parse(text, &time)) {
		if (!duration_parse(text, &milliseconds)) {
			command_misused(context,
				"--since %s is neither a duration (30m, 24h) nor a time (2026-01-02T03:04:05Z)",
				text);
			return false;
		}
		time = clock_now() - milliseconds * 1000;
	}
	clock_text(time, stamp);
	*since = arena_copy(context->mem, stamp);
	return true;
}

bool command_is_empty(const json_t *items, const char *text)
{
	if (json_array_size(items))
		return false;
	say(stderr, "pgitops: %s\n", text);
	return true;
}

void command_show_warnings(const struct command_context *context, const json_t *databases, const char *only)
{
	const json_t *database, *warning;
	size_t i, j, shown = 0;
	json_array_foreach (databases, i, database) {
		const char *name = json_text_at(database, "name", "");
		if (only && strcmp(only, name) != 0)
			continue;
		json_array_foreach (json_object_get(database, "warnings"), j, warning) {
			if (!shown++)
				puts("\nWarnings");
			command_block(context, stdout, 2,
				arena_printf(context->mem, "database %s: %s", name, json_string_value(warning)),
				CELL_BUSY);
		}
	}
}

void command_status_cell(struct table *table, const char *status)
{
	const char *shown = command_or_dash(status);
	table_cell(table, shown, output_style_of(shown));
}

void command_field(
	const struct command_context *context, const char *name, const char *value, enum cell_style style)
{
	printf("%-*s", COMMAND_FIELD_WIDTH, name);
	output_text(&context->output, stdout, value, style);
	putchar('\n');
}

void command_block(const struct command_context *context, FILE *out, size_t indent, const char *text,
	enum cell_style style)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		CLEANUP(memory_freep) char *line = memory_printf("%.*s", (int)length, text);
		fprintf(out, "%*s", (int)indent, "");
		output_text(&context->output, out, line, style);
		fputc('\n', out);
		text += length + (text[length] == '\n');
	}
}
