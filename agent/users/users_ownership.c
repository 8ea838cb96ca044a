#include "agent/users/users_ownership.h"

#include <stdlib.h>
#include <string.h>

#include "agent/users/users_record.h"
#include "base/log.h"
#include "base/text.h"

enum { UNMANAGED_KEPT = 500, NAMES_TOLD = 10 };

static int compare_known(const void *name, const void *user)
{
	return strcmp(name, ((const struct store_user *)user)->name);
}

static void collect_groups(struct users_pass *pass)
{
	const char **names = NULL;
	size_t count = 0, r;
	json_t *name;
	for (size_t i = 0; i < pass->remembered_count; i++) {
		CLEANUP(json_done) json_t *document = NULL;
		const char *text = pass->remembered[i].document;
		struct error ignored;
		if (!json_read(text, strlen(text), &document, &ignored))
			continue;
		json_array_foreach (json_object_get(document, "roles"), r, name) {
			names = arena_grow(pass->mem, names, count, sizeof(*names));
			names[count++] = arena_copy(pass->mem, json_string_value(name));
		}
	}
	text_sort_unique(names, &count);
	pass->known_groups = names;
	pass->known_group_count = count;
}

/* Once, and only when somebody asks. What cannot be read is not remembered: then a role is not taken for ours. */
static void read_remembered(struct users_pass *pass)
{
	struct error err;
	if (pass->remembered_read)
		return;
	pass->remembered_read = true;
	if (!store_user_list(pass->agent->store, pass->database->config->name, pass->mem, &pass->remembered,
		    &pass->remembered_count, &err)) {
		pass->remembered_count = 0;
		log_warning("what is known of the users cannot be read", "database",
			pass->database->config->name, "error", err.text, NULL);
	}
}

/* Was this one of our users, or a role of one, by what the store has? */
static bool remembers(void *context, const char *role)
{
	struct users_pass *pass = context;
	read_remembered(pass);
	if (!pass->remembered_count)
		return false;
	if (bsearch(role, pass->remembered, pass->remembered_count, sizeof(*pass->remembered), compare_known))
		return true;
	if (!pass->known_groups)
		collect_groups(pass);
	return text_is_listed(pass->known_groups, pass->known_group_count, role);
}

/* Sorted, each once. */
static const char **names_in(const json_t *names, struct arena *mem, size_t *count)
{
	const char **list = arena_array(mem, json_array_size(names) + 1, sizeof(*list));
	*count = json_array_size(names);
	for (size_t i = 0; i < *count; i++)
		list[i] = json_string_value(json_array_get(names, i));
	text_sort_unique(list, count);
	return list;
}

void users_ownership_input(struct users_pass *pass, struct roles_plan_input *input)
{
	const struct manager *manager = &pass->agent->manager;
	const struct users_wish *wish = pass->wish;
	input->manager = manager->name;
	input->former = *manager->former ? manager->former : NULL;
	input->take_over = wish ? wish->take_over : NULL;
	input->remembers = remembers;
	input->memory = pass;
	input->adopt = names_in(wish ? wish->adopt : NULL, pass->mem, &input->adopt_count);
	input->hurried = names_in(wish ? wish->now : NULL, pass->mem, &input->hurried_count);
	/* Whoever the other agent had and we do not is seen before it is removed: by the next pass. */
	if (wish && wish->take_over && !wish->plan_only)
		input->no_deletions = true;
}

/* The first of them that is ours now and not as Git says; NULL = none. */
static const struct role_report *unfinished(const json_t *names, const struct roles_plan *plan)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const struct role_report *report =
			roles_report(plan, json_string_value(json_array_get(names, i)));
		if (report && report->status != USER_SYNCED)
			return report;
	}
	return NULL;
}

static const char *names_of(const struct users_pass *pass, const struct roles_plan *plan)
{
	const char *names = "";
	for (size_t i = 0; i < plan->deletion_count && i < NAMES_TOLD; i++)
		names = arena_join(pass->mem, names, ", ", plan->deletions[i]);
	return plan->deletion_count > NAMES_TOLD ? arena_join(pass->mem, names, ", ", "...") : names;
}

static const char *take_over_answer(const struct users_pass *pass, const struct roles_plan *plan, bool *good)
{
	const struct role_step *step = NULL;
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].action == ROLE_RECORD)
			step = &plan->steps[i];
	*good = step && step->done;
	if (!step)
		return arena_printf(pass->mem, "\"%s\" has no roles here under the name %s",
			pass->wish->take_over, pass->database->config->name);
	if (!step->done)
		return step->error.text;
	return arena_printf(pass->mem, "the roles of \"%s\" are this agent's now%s%s%s", pass->wish->take_over,
		plan->deletion_count ? "; not in users.yaml, and so to be removed by a later pass: " : "",
		names_of(pass, plan),
		*plan->confirm ? ", which waits for a confirmation (`pgitops user plan`)" : "");
}

/* Whoever was asked for is gone, or has a reason. */
static const char *hurried_answer(const struct users_pass *pass, const struct roles_plan *plan, bool *good)
{
	const json_t *names = pass->wish->now;
	const struct role_report *open = unfinished(names, plan);
	if (open) {
		*good = false;
		return arena_printf(pass->mem, "\"%s\" is %s: %s", open->name, user_status_name(open->status),
			users_record_reason(pass, open));
	}
	return arena_printf(pass->mem, "%zu %s removed", json_array_size(names),
		json_array_size(names) == 1 ? "user" : "users");
}

/* Each is as Git says, and its password was tried where that is how it is known. */
static const char *checked_answer(const struct users_pass *pass, const struct roles_plan *plan, bool *good)
{
	const json_t *names = pass->wish->check;
	*good = false;
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		const struct role_report *report = roles_report(plan, name);
		if (!report || !report->listed)
			return arena_printf(pass->mem, "users.yaml lists no user \"%s\"", name);
		if (!role_report_is_good(report))
			return arena_printf(pass->mem, "\"%s\" is %s: %s", name,
				user_status_name(report->status), users_record_reason(pass, report));
		if (report->untried)
			return arena_printf(pass->mem,
				"\"%s\" is as Git says, but whether its password is could not be tried by a login: %s",
				name, report->untried);
	}
	*good = true;
	return arena_printf(pass->mem, "%zu %s as Git says", json_array_size(names),
		json_array_size(names) == 1 ? "user is" : "users are");
}

const char *users_ownership_answer(const struct users_pass *pass, const struct roles_plan *plan, bool *good)
{
	const json_t *names = pass->wish->adopt, *now = pass->wish->now;
	if (pass->wish->check)
		return checked_answer(pass, plan, good);
	if (!names && !pass->wish->take_over && !now)
		return "";
	if (now && !plan->not_adopted)
		return hurried_answer(pass, plan, good);
	const struct role_report *open = unfinished(names, plan);
	*good = !plan->not_adopted && !open;
	if (plan->not_adopted)
		return plan->not_adopted;
	if (open)
		return arena_printf(pass->mem, "\"%s\" is %s: %s", open->name, user_status_name(open->status),
			open->reason);
	if (pass->wish->take_over)
		return take_over_answer(pass, plan, good);
	return arena_printf(pass->mem, "%zu %s taken over", json_array_size(names),
		json_array_size(names) == 1 ? "role" : "roles");
}

json_t *users_ownership_unmanaged(const struct users_pass *pass, const struct roles_plan *plan)
{
	json_t *items = json_array();
	for (size_t i = 0; i < plan->unmanaged_count && i < UNMANAGED_KEPT; i++) {
		const struct role_unmanaged *role = &plan->unmanaged[i];
		json_array_append_new(items,
			json_pack("{s:o, s:s, s:b, s:b, s:b, s:o}", "name", json_text(role->name), "database",
				pass->database->config->name, "login", role->login, "superuser", role->super,
				"referenced", role->referenced, "reason", json_text(role->reason)));
	}
	return json_pack("{s:i, s:o}", "count", (int)plan->unmanaged_count, "items", items);
}
