#include "reconcile/roles/export.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/roles/exporter.h"
#include "reconcile/roles/heir.h"
#include "reconcile/roles/privileges.h"

enum { MOST_ATTEMPTS = 16, TEXT_BYTES = 64 << 20 };

static int compare_name(const void *name, const void *candidate)
{
	return strcmp(name, ((const struct candidate *)candidate)->role->name);
}

struct candidate *exporter_find(const struct exporter *exporter, const char *name)
{
	return exporter->count ? bsearch(name, exporter->candidates, exporter->count,
					 sizeof(*exporter->candidates), compare_name)
			       : NULL;
}

/* --- whom to list --- */

static bool has_members(const struct exporter *exporter, const struct role *role)
{
	return exporter->has_members[role - exporter->present->roles];
}

static bool has_memberships(const struct exporter *exporter, const struct role *role)
{
	size_t count;
	(void)present_memberships(exporter->present, role->oid, &count);
	return count;
}

static void find_members(struct exporter *exporter)
{
	const struct roles_present *present = exporter->present;
	exporter->has_members = arena_array(exporter->mem, present->role_count + 1, sizeof(bool));
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct role *role = present_role_by_oid(present, present->memberships[i].role);
		if (role)
			exporter->has_members[role - present->roles] = true;
	}
}

/* Nobody expects these in a list of users, and a comment for each would be noise. */
static bool belongs_to_the_server(const struct exporter *exporter, const struct role *role)
{
	return role->oid < FIRST_ORDINARY_OID || text_starts(role->name, HEIR_PREFIX) ||
		strcmp(role->name, exporter->present->session_user) == 0;
}

/* Roles that do not log in; but not users of ours, nor one that nobody has and that has a password, whom a hand has locked out. */
static bool is_group(const struct exporter *exporter, const struct role *role)
{
	if (role->login || role->mark == MARK_USER)
		return false;
	return role->mark == MARK_GROUP || !role->verifier || has_members(exporter, role);
}

/* What it is a member of, and users.yaml gives to nobody. */
static const char *memberships_problem(const struct exporter *exporter, const struct role *role)
{
	size_t count;
	const struct membership *rows = present_memberships(exporter->present, role->oid, &count);
	for (size_t i = 0; i < count; i++) {
		const struct role *of = present_role_by_oid(exporter->present, rows[i].role);
		const char *denied = of ? roles_policy_denies(exporter->input->policy, of->name) : NULL;
		if (denied)
			return arena_printf(exporter->mem,
				"it is a member of \"%s\", which cannot be granted: %s", of->name, denied);
	}
	return NULL;
}

/* A database that it may connect to, and that cannot be listed: CONNECT there would be taken. */
static const char *databases_problem(const struct exporter *exporter, const struct role *role)
{
	size_t count;
	const struct connect_grant *rows = present_connects(exporter->present, role->oid, &count);
	for (size_t i = 0; i < count; i++) {
		const struct database *database = present_database_by_oid(exporter->present, rows[i].database);
		const char *problem = database ? name_problem(database->name, strlen(database->name)) : NULL;
		if (problem)
			return arena_printf(exporter->mem,
				"the name of a database that it was given CONNECT on %s", problem);
	}
	return NULL;
}

static const char *why_not(const struct exporter *exporter, const struct role *role)
{
	const struct roles_policy *policy = exporter->input->policy;
	bool ours = mark_is_ours(role->mark);
	const char *problem = name_problem(role->name, strlen(role->name));
	if (problem)
		return arena_printf(exporter->mem, "its name %s", problem);
	problem = user_name_problem(policy, role->name, exporter->mem);
	if (problem)
		return problem;
	if (role->super)
		return "it is a superuser";
	if (role->mark == MARK_OTHER || role->mark == MARK_RETIRING || role->mark == MARK_LEAVING)
		return role->mark == MARK_OTHER ? "it is another agent's" : "it is being removed";
	if (role->login && !ours && has_members(exporter, role))
		return "it logs in, and is a role of others: whatever leaves the list is removed";
	if (is_group(exporter, role))
		return roles_policy_denies(policy, role->name);
	problem = exporter_fields_problem(exporter, role);
	if (!problem)
		problem = databases_problem(exporter, role);
	return problem ? problem : memberships_problem(exporter, role);
}

/* A group is nobody's member whom the list has as a user, too. */
static const char *member_of_problem(const struct exporter *exporter, const struct role *role)
{
	size_t count;
	const struct membership *rows = present_memberships(exporter->present, role->oid, &count);
	for (size_t i = 0; i < count; i++) {
		const struct role *of = present_role_by_oid(exporter->present, rows[i].role);
		const struct candidate *candidate = of ? exporter_find(exporter, of->name) : NULL;
		if (candidate && !candidate->group && !candidate->left_out)
			return arena_printf(
				exporter->mem, "it is a member of \"%s\", which is a user", of->name);
	}
	return memberships_problem(exporter, role);
}

static void choose(struct exporter *exporter)
{
	const struct roles_present *present = exporter->present;
	exporter->candidates =
		arena_array(exporter->mem, present->role_count + 1, sizeof(*exporter->candidates));
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		if (!belongs_to_the_server(exporter, role))
			exporter->candidates[exporter->count++] = (struct candidate){.role = role,
				.group = is_group(exporter, role),
				.left_out = why_not(exporter, role)};
	}
	for (size_t i = 0; i < exporter->count; i++) {
		struct candidate *one = &exporter->candidates[i];
		if (one->group)
			one->without_roles = member_of_problem(exporter, one->role);
		else
			one->without_parameters = exporter_parameters_problem(exporter, one->role);
	}
}

/* --- what they may do --- */

static int compare_by_role(const void *a, const void *b)
{
	int order = strcmp(((const struct grant *)a)->role, ((const struct grant *)b)->role);
	return order ? order : grant_compare(a, b);
}

static void leave_out(struct exporter *exporter, const char *name, bool only_grants, const char *why)
{
	struct candidate *candidate = exporter_find(exporter, name);
	if (!candidate)
		return;
	if (only_grants && !candidate->without_grants)
		candidate->without_grants = why;
	else if (!only_grants && !candidate->left_out)
		candidate->left_out = why;
}

/* They are left beside any list (grants/beyond.h), so that there is one. */
static void set_wordless_aside(struct exporter *exporter)
{
	struct grants *grants = &exporter->grants;
	size_t kept = 0;
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *grant = &grants->items[i];
		struct candidate *candidate = exporter_find(exporter, grant->role);
		if (grant_on_word(grant->on))
			grants->items[kept++] = *grant;
		else if (candidate && !candidate->wordless)
			candidate->wordless = arena_printf(exporter->mem, "users.yaml has no word for %s",
				grant_describe(grant, exporter->mem));
	}
	grants->count = kept;
}

/* Why users.yaml cannot name what this is on, or NULL: one odd name is not to keep everybody out. */
static const char *naming_problem(const struct exporter *exporter, const struct grant *grant)
{
	const char *const names[] = {grant->database, grant->schema, grant->name, grant->column};
	bool function = grant->on == GRANT_ON_FUNCTION, defaults = grant->on >= GRANT_DEFAULT_SCHEMAS;
	const char *problem = NULL;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!text_is_utf8(names[i], strlen(names[i])))
			return "a name in them is no UTF-8";
	for (size_t i = 0; i < COUNT_OF(names) - function && !problem; i++)
		problem = *names[i] ? name_problem(names[i], strlen(names[i])) : NULL;
	if (!problem && grant_on_is_in_schema(grant->on) && !defaults && strcmp(grant->name, GRANTS_ALL) == 0)
		problem = "is \"*\", which stands for all of a schema";
	if (!problem && function && strchr(grant->name, '('))
		problem = "has a \"(\" inside, where a function's types begin";
	return problem
		? arena_printf(exporter->mem, "a name in %s %s", grant_describe(grant, exporter->mem), problem)
		: NULL;
}

static bool read_grants(struct exporter *exporter, struct session *session, struct error *err)
{
	struct grants_wanted all = {0};
	struct grants_present *present;
	all.roles = arena_array(exporter->mem, exporter->count + 1, sizeof(*all.roles));
	for (size_t i = 0; i < exporter->count; i++)
		if (!exporter->candidates[i].left_out)
			all.roles[all.role_count++] = exporter->candidates[i].role->name;
	if (!grants_observe(session, &all, exporter->mem, &present, err))
		return false;
	const char *why, *unread = grants_unread(present, &why);
	if (unread)
		return error_set(err, ERROR_DENIED,
			"what roles may do in database \"%s\" cannot be read, and a list without it would take it away: %s",
			unread, why);
	exporter->grants = grants_found(present);
	set_wordless_aside(exporter);
	if (exporter->grants.count)
		qsort(exporter->grants.items, exporter->grants.count, sizeof(*exporter->grants.items),
			compare_by_role);
	for (size_t i = 0; i < exporter->grants.count; i++) {
		const struct grant *grant = &exporter->grants.items[i];
		const char *refusal = grant_refusal(grant);
		if (!refusal)
			refusal = naming_problem(exporter, grant);
		if (refusal)
			leave_out(exporter, grant->role, true, refusal);
	}
	return true;
}

/* A role that nobody has, and that may do nothing, is somebody's owner of things. */
static void drop_idle_groups(struct exporter *exporter)
{
	for (size_t i = 0; i < exporter->count; i++) {
		struct candidate *candidate = &exporter->candidates[i];
		size_t granted;
		(void)exporter_grants(exporter, candidate->role->name, &granted);
		if (candidate->group && !candidate->left_out && candidate->role->mark != MARK_GROUP &&
			!granted && !candidate->wordless && !has_members(exporter, candidate->role))
			candidate->left_out = "it does not log in, has no members and no privileges";
	}
}

/* --- is the plan for it empty? --- */

/* What adopting a role changes of it. */
static bool is_adoption(const struct role_difference *difference)
{
	return strcmp(difference->field, "comment") == 0 || strcmp(difference->field, "managed") == 0;
}

/* A group without its memberOf, and a user without its settings, may still be listed: either is left alone then. */
static void give_up(
	struct exporter *exporter, const struct role_report *report, const char *field, const char *why)
{
	struct candidate *one = exporter_find(exporter, report->name);
	if (one && one->group && !one->without_roles && has_memberships(exporter, one->role))
		one->without_roles = why;
	else if (one && !one->without_parameters && text_starts(field, "parameter:"))
		one->without_parameters = why;
	else
		leave_out(exporter, report->name, false, why);
}

static bool judge_report(struct exporter *exporter, const struct role_report *report)
{
	if (report->status == USER_REFUSED || report->status == USER_DEGRADED) {
		give_up(exporter, report, "", report->reason);
		return false;
	}
	for (size_t i = 0; i < report->difference_count; i++) {
		const struct role_difference *one = &report->differences[i];
		if (is_adoption(one))
			continue;
		give_up(exporter, report, one->field,
			arena_printf(exporter->mem, "%s: \"%s\" cannot be said here, it would become \"%s\"",
				one->field, one->found, one->wanted));
		return false;
	}
	return true;
}

static bool judge_grants(struct exporter *exporter, const struct grants_plan *plan)
{
	for (size_t i = 0; i < plan->difference_count; i++) {
		const struct grants_difference *one = &plan->differences[i];
		leave_out(exporter, one->role, true,
			arena_printf(exporter->mem, "%s: \"%s\" cannot be said here", one->field, one->found));
	}
	return !plan->difference_count;
}

/* The plan that a pass would make for it with `adopt: listed`; true when it would change nothing. */
static bool is_quiet(struct exporter *exporter, struct session *session, const struct users *users,
	bool *quiet, struct error *err)
{
	static const struct roles_passwords no_passwords; /* nobody of the list has a Secret, or none that is looked at */
	struct roles_policy policy = *exporter->input->policy;
	struct roles_plan_input input = *exporter->input;
	struct roles_plan plan;
	struct grants_wanted wanted;
	struct grants_present *privileges;
	struct grants_plan grants;
	policy.adopt = true;
	input.policy = &policy;
	input.passwords = &no_passwords;
	input.wanted = users;
	input.no_deletions = true;
	roles_plan(exporter->present, &input, exporter->mem, &plan);
	*quiet = true;
	for (size_t i = 0; i < plan.report_count; i++)
		if (plan.reports[i].listed || plan.reports[i].group)
			*quiet &= judge_report(exporter, &plan.reports[i]);
	privileges_wanted(&plan, users, exporter->mem, &wanted);
	if (!grants_observe(session, &wanted, exporter->mem, &privileges, err))
		return false;
	grants_plan(privileges, &wanted, exporter->mem, &grants);
	*quiet &= judge_grants(exporter, &grants);
	return true;
}

static bool read_back(const struct exporter *exporter, const char *text, struct users *users, struct error *err)
{
	struct mistakes mistakes = {.mem = exporter->mem};
	users_read(&(struct users_place){"users.yaml", 1, 0}, text, strlen(text), "", exporter->input->policy,
		exporter->mem, users, &mistakes);
	return !mistakes.count ||
		error_set(err, ERROR_BUG, "what was exported is no list of users: %s",
			mistake_text(&mistakes.items[0], exporter->mem));
}

static const char *document_text(const struct exporter *exporter)
{
	CLEANUP(json_done) json_t *document = exporter_document(exporter);
	CLEANUP(buf_done) struct buf text = BUF(TEXT_BYTES);
	yaml_write(document, YAML_AS_GIVEN, &text);
	return buf_failed(&text) ? NULL : arena_copy(exporter->mem, buf_string(&text));
}

/* Listing fewer until what is listed is what is there: with who is left out a reference may go. */
static bool settle(struct exporter *exporter, struct session *session, const char **text, struct error *err)
{
	bool quiet = false;
	for (int attempt = 0; attempt < MOST_ATTEMPTS && !quiet; attempt++) {
		struct users users;
		*text = document_text(exporter);
		if (!*text || arena_full(exporter->mem))
			return error_set(
				err, ERROR_INVALID, "there is too much to export for the memory of a pass");
		if (!read_back(exporter, *text, &users, err) ||
			!is_quiet(exporter, session, &users, &quiet, err))
			return false;
	}
	return quiet || error_set(err, ERROR_RETRY, "the roles change while they are exported: try again");
}

/* --- the answer --- */

static void note(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void add_left_out(struct roles_export *out, const struct candidate *candidate, const char *reason,
	struct buf *head, struct arena *mem)
{
	out->left_out = arena_grow(mem, out->left_out, out->left_out_count, sizeof(*out->left_out));
	out->left_out[out->left_out_count++] = (struct role_left_out){candidate->role->name, reason};
	buf_text(head, "# ");
	note(head,
		arena_printf(mem, "%s %s: %s", candidate->left_out ? "not listed," : "listed,",
			candidate->role->name, reason));
	buf_char(head, '\n');
}

static void add_left_outs(
	struct roles_export *out, const struct candidate *candidate, struct buf *head, struct arena *mem)
{
	const struct {
		const char *what, *why;
	} parts[] = {
		{"privileges", candidate->without_grants},
		{"further privileges", candidate->without_grants ? NULL : candidate->wordless},
		{"settings", candidate->without_parameters},
		{"memberships", candidate->without_roles},
	};
	if (candidate->left_out)
		add_left_out(out, candidate, candidate->left_out, head, mem);
	for (size_t i = 0; !candidate->left_out && i < COUNT_OF(parts); i++)
		if (parts[i].why)
			add_left_out(out, candidate,
				arena_printf(mem, "its %s are not listed, and left as they are: %s",
					parts[i].what, parts[i].why),
				head, mem);
}

static void answer(const struct exporter *exporter, const char *text, struct roles_export *out)
{
	CLEANUP(buf_done) struct buf head = BUF(TEXT_BYTES);
	*out = (struct roles_export){0};
	for (size_t i = 0; i < exporter->count; i++) {
		const struct candidate *candidate = &exporter->candidates[i];
		out->user_count += !candidate->left_out && !candidate->group;
		out->group_count += !candidate->left_out && candidate->group;
		add_left_outs(out, candidate, &head, exporter->mem);
	}
	out->text = arena_printf(exporter->mem, "%s%s", buf_string(&head), text);
}

bool roles_export(struct session *session, const struct roles_plan_input *input, struct arena *mem,
	struct roles_export *out, struct error *err)
{
	static const struct users nobody;
	struct roles_plan_input asking = *input;
	struct exporter exporter = {.input = &asking, .mem = mem};
	struct roles_present *present;
	const char *text;
	asking.wanted = &nobody;
	if (!roles_observe(session, &asking, mem, &present, err))
		return false;
	exporter.present = present;
	find_members(&exporter);
	choose(&exporter);
	if (!read_grants(&exporter, session, err))
		return false;
	drop_idle_groups(&exporter);
	if (!settle(&exporter, session, &text, err))
		return false;
	answer(&exporter, text, out);
	return true;
}
