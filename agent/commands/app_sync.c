#include "agent/commands/common.h"

#include <string.h>

/* "apps:Deployment:team/web": names may hold ':' themselves, so only the first two count. Without a namespace the object is
   taken wherever it is. NULL = it is none. */
static json_t *resource_of(const struct command_context *context, const char *text)
{
	const char *kind = strchr(text, ':');
	const char *rest = kind ? strchr(kind + 1, ':') : NULL;
	if (!rest || rest == kind + 1)
		return NULL;
	const char *slash = strchr(rest, '/');
	const char *name = slash ? slash + 1 : rest + 1;
	if (!*name)
		return NULL;
	json_t *resource = json_pack("{s:s, s:s}", "kind",
		arena_copy_n(context->mem, kind + 1, (size_t)(rest - kind - 1)), "name", name);
	json_set_text(resource, "group", arena_copy_n(context->mem, text, (size_t)(kind - text)));
	if (slash)
		json_set_text(resource, "namespace",
			arena_copy_n(context->mem, rest + 1, (size_t)(slash - rest - 1)));
	return resource;
}

/* False after it has said what is wrong. */
static bool add_resources(
	const struct command_context *context, const struct command_values *values, json_t *body)
{
	if (!values->count)
		return true;
	json_t *list = json_array();
	json_object_set_new(body, "resources", list);
	for (size_t i = 0; i < values->count; i++) {
		json_t *resource = resource_of(context, values->items[i]);
		if (!resource) {
			command_misused(context,
				"--resource %s is no GROUP:KIND:NAMESPACE/NAME; a kind of the core has no group: "
				":ConfigMap:team/settings",
				values->items[i]);
			return false;
		}
		json_array_append_new(list, resource);
	}
	return true;
}

static void add_options(const struct command_values *values, json_t *body)
{
	if (!values->count)
		return;
	json_t *list = json_array();
	json_object_set_new(body, "syncOptions", list);
	for (size_t i = 0; i < values->count; i++)
		json_array_append_new(list, json_string(values->items[i]));
}

int command_app_sync(struct command_context *context, int argc, char **argv)
{
	bool prune = false, dry_run = false, force = false, apply_only = false, wait = false,
	     background = false;
	const char *confirm = NULL, *revision = NULL, *timeout = NULL;
	struct command_values resources = {0}, sync_options = {0};
	const struct command_option options[] = {{"--prune", &prune, NULL}, {"--dry-run", &dry_run, NULL},
		{"--force", &force, NULL}, {"--apply-only", &apply_only, NULL}, {"--wait", &wait, NULL},
		{"--async", &background, NULL}, {"--confirm", NULL, &confirm},
		{"--revision", NULL, &revision}, {"--timeout", NULL, &timeout}};
	CLEANUP(json_done) json_t *body = json_object();
	if (!command_revisions(context, &argc, argv, body) ||
		!command_repeated(context, &argc, argv, "--resource", &resources) ||
		!command_repeated(context, &argc, argv, "--option", &sync_options) ||
		!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1))
		return EXIT_NO_ANSWER;
	if (wait && (background || dry_run))
		return command_misused(context, "--wait goes with neither --async nor --dry-run");
	json_object_set_new(body, "prune", json_boolean(prune));
	json_object_set_new(body, "dryRun", json_boolean(dry_run));
	if (force)
		json_object_set_new(body, "force", json_true());
	if (apply_only)
		json_object_set_new(body, "applyOnly", json_true());
	json_set_text(body, "revision", revision);
	json_set_text(body, "confirm", confirm);
	add_options(&sync_options, body);
	if (!add_resources(context, &resources, body))
		return EXIT_NO_ANSWER;
	int code = command_operate(context, argv[0], "/sync", json_incref(body), timeout, background);
	if (code != EXIT_YES || !wait)
		return code;
	char *arguments[] = {argv[0], (char[]){"--timeout"}, (char *)(uintptr_t)timeout};
	return command_app_wait(context, timeout ? COUNT_OF(arguments) : 1, arguments);
}
