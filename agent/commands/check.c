/*
 * A checkout, offline: what the agent would say of it, before it is pushed. The same reader, the same rules; in place of what the cluster
 * has stands what Git had (check_since.h). What only a cluster or a database knows is left to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/commands/check_rendered.h"
#include "agent/commands/check_since.h"
#include "agent/commands/sealing.h"
#include "agent/config/application.h"
#include "agent/config/rules.h"
#include "agent/users/users_source.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "reconcile/roles/users.h"

struct check {
	struct command_context *context;
	const char *namespace;
	struct manifest_directory directory;
	struct check_since since;
	json_t *items; /* every mistake and warning, for a document; NULL = they are printed as they come */
	size_t files, objects, mistakes, warnings;
};

/* "PATH/file" as an editor opens it. */
static const char *place(const struct check *check, const char *path, const char *file)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (strcmp(path, file) == 0 || (length == 1 && *path == '.'))
		return file;
	return arena_printf(
		check->context->mem, "%.*s%s%s", (int)length, path, path[length - 1] == '/' ? "" : "/", file);
}

static void print(const struct check *check, const struct mistake *mistake, bool warning)
{
	const struct output *output = &check->context->output;
	struct mistake shown = *mistake;
	if (warning)
		shown.text = arena_printf(check->context->mem, "warning: %s", mistake->text);
	output_text(
		output, stdout, mistake_text(&shown, check->context->mem), warning ? CELL_BUSY : CELL_PLAIN);
	fputc('\n', stdout);
}

static void report(struct check *check, const char *path, struct mistakes *mistakes, bool warning)
{
	mistakes_sort(mistakes);
	for (size_t i = 0; i < mistakes->count; i++) {
		struct mistake *mistake = &mistakes->items[i];
		mistake->file = place(check, path, mistake->file);
		if (!check->items) {
			print(check, mistake, warning);
			continue;
		}
		json_t *item = json_pack("{s:o, s:s, s:s}", "file", json_text(mistake->file), "severity",
			warning ? "warning" : "mistake", "text", mistake->text);
		if (mistake->line)
			json_object_set_new(item, "line", json_integer(mistake->line));
		if (mistake->column)
			json_object_set_new(item, "column", json_integer(mistake->column));
		json_array_append_new(check->items, item);
	}
	if (mistakes->dropped && !check->items)
		say(stdout, "%s: %zu more\n", path, mistakes->dropped);
	*(warning ? &check->warnings : &check->mistakes) += mistakes->count + mistakes->dropped;
}

/* The list of users in the ConfigMap that holds it by convention; another name or key is set in the agent file, which a
   checkout does not have. */
static void check_users(const struct object *object, struct arena *mem, struct desired *desired)
{
	struct error err;
	struct users users;
	CLEANUP(json_done) json_t *value = NULL;
	/* Which attributes may be given says the agent file: the agent refuses what that does not name. */
	const struct roles_policy policy = {.attributes_said = true, .attributes = ~0U};
	if (strcmp(object->key.kind, "ConfigMap") != 0 || *object->key.group ||
		strcmp(object->key.name, "postgres-users-config") != 0 ||
		!json_read(object->json, object->json_length, &value, &err))
		return;
	const json_t *text = json_object_get(json_object_get(value, "data"), "users.yaml");
	if (!json_is_string(text)) {
		mistakes_add(&desired->mistakes, object->file, object->line, 0,
			"ConfigMap postgres-users-config has no key users.yaml: users are read from it");
		return;
	}
	const struct users_place place = users_source_place(object);
	users_read(&place, json_string_value(text), json_string_length(text), "postgres", &policy, mem,
		&users, &desired->mistakes);
}

/* Other agents may take what this one does not: a warning. */
static void check_application(const struct object *object, struct arena *mem, struct desired *desired)
{
	struct error err;
	CLEANUP(json_done) json_t *value = NULL;
	struct application application;
	if (strcmp(object->key.kind, "Application") != 0 || strcmp(object->key.group, "argoproj.io") != 0 ||
		!json_read(object->json, object->json_length, &value, &err))
		return;
	if (!application_read(value, object->file, mem, &application, &err)) {
		mistakes_add(&desired->warnings, object->file, object->line, 0, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < application.spec_error_count; i++)
		mistakes_add(
			&desired->warnings, object->file, object->line, 0, "%s", application.spec_errors[i]);
	for (size_t i = 0; i < application.warning_count; i++)
		mistakes_add(&desired->warnings, object->file, object->line, 0, "%s", application.warnings[i]);
	application_done(&application);
}

/* What a rule of the agent file, which a checkout does not have, may allow or refuse. */
static void check_powers(const struct object *object, struct arena *mem, struct desired *desired)
{
	static const struct config no_rules = {.namespace = ""};
	const struct rules rules = {&no_rules, NULL};
	struct mistakes ignored = {.mem = mem};
	if (rules_may_warn(&object->key))
		rules_judge_object(&rules, "", object, &ignored, &desired->warnings);
}

static bool read_file(const char *path, struct arena *mem, struct desired *desired, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_FILE_BYTES);
	if (!file_read(path, &bytes, err))
		return false;
	manifest_read(path, buf_string(&bytes), bytes.length, mem, desired);
	return true;
}

static bool read_folder(const struct check *check, const char *path, struct arena *mem,
	struct desired *desired, struct error *err)
{
	bool rendered;
	return check_rendered(path, check->namespace, mem, desired, &rendered, err) &&
		(rendered || manifest_read_folder(path, &check->directory, mem, desired, err));
}

/* What was rendered has its own name for where something stands. */
static const char *place_of(const char *path, const struct desired *desired)
{
	return desired->rendered ? "." : path;
}

static bool check_path(struct check *check, const char *path, struct error *err)
{
	struct stat status;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct desired desired = {.mistakes = {.mem = mem}, .warnings = {.mem = mem}};
	if (stat(path, &status) != 0)
		return error_set(err, ERROR_MISSING, "cannot read %s: %s", path, strerror(errno));
	if (!(S_ISDIR(status.st_mode) ? read_folder(check, path, mem, &desired, err)
				      : read_file(path, mem, &desired, err)))
		return false;
	desired_complete(&desired, check->namespace, NULL, NULL, mem);
	for (size_t i = 0; i < desired.objects.count; i++) {
		check_users(&desired.objects.items[i], mem, &desired);
		check_application(&desired.objects.items[i], mem, &desired);
		check_powers(&desired.objects.items[i], mem, &desired);
	}
	if (!check_since(&check->since, path, mem, &desired, err))
		return false;
	check->files += desired.files;
	check->objects += desired.objects.count;
	report(check, place_of(path, &desired), &desired.mistakes, false);
	report(check, place_of(path, &desired), &desired.warnings, true);
	return true;
}

static void finish(const struct check *check)
{
	if (check->items) {
		CLEANUP(json_done)
		json_t *document = json_pack("{s:O, s:I, s:I, s:I, s:I}", "items", check->items, "files",
			(json_int_t)check->files, "objects", (json_int_t)check->objects, "mistakes",
			(json_int_t)check->mistakes, "warnings", (json_int_t)check->warnings);
		if (check->since.used)
			json_object_set_new(document, "since", json_text(check->since.commit));
		output_document(&check->context->output, document);
		return;
	}
	printf("%zu file%s, %zu object%s: %zu mistake%s, %zu warning%s", check->files,
		check->files == 1 ? "" : "s", check->objects, check->objects == 1 ? "" : "s", check->mistakes,
		check->mistakes == 1 ? "" : "s", check->warnings, check->warnings == 1 ? "" : "s");
	if (check->since.used)
		say(stdout, "; compared with %s (%.12s)", check->since.what, check->since.commit);
	putchar('\n');
}

static bool is_about_secrets(int argc, char **argv)
{
	for (int i = 0; i < argc && !text_equal(argv[i], "--"); i++)
		if (text_equal(argv[i], "--secrets"))
			return true;
	return false;
}

int command_check(struct command_context *context, int argc, char **argv)
{
	struct check check = {
		.context = context, .namespace = "default", .directory = {.path = "", .recurse = true}};
	const struct command_option options[] = {{"--namespace", NULL, &check.namespace},
		{"--include", NULL, &check.directory.include}, {"--exclude", NULL, &check.directory.exclude},
		{"--since", NULL, &check.since.asked}};
	struct error err;
	CLEANUP(json_done) json_t *items = json_array();

	if (is_about_secrets(argc, argv))
		return command_check_secrets(context, argc, argv);
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1000))
		return EXIT_NO_ANSWER;
	if (!text_is_dns_label(check.namespace))
		return command_misused(
			context, "--namespace %s is not the name of a namespace", check.namespace);
	check.since.mem = context->mem;
	check.since.namespace = check.namespace;
	if (context->output.format == OUTPUT_JSON || context->output.format == OUTPUT_YAML)
		check.items = items;
	for (int i = 0; i < argc; i++)
		if (!check_path(&check, argv[i], &err))
			return command_failed(&err);
	finish(&check);
	return check.mistakes ? EXIT_NO : EXIT_YES;
}
