/*
 * roles_driver.c - one pass over the users of one database, for the tests on real servers
 *
 * Reads a request from stdin and writes what happened to stdout, both JSON:
 *
 *   {"connection", "password", "authentication", "name", "deadline", "users", "file", "line", "database", "commit", "confirm", "no_deletions",
 *    "manager", "former", "take_over", "adopt": [...], "now": [...], "remembered": [...],
 *    "mode": "check" | "plan" | "apply" | "export", "policy": {...}, "secrets": {NAME or NAMESPACE/NAME: {"version", KEY}},
 *    "known": {...}}
 *
 * and so for each request that follows, until there are no more.
 *
 * "password64" instead of "password" for bytes that JSON cannot hold. "known" of the answer is given back by the next request,
 * as the store would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/roles/export.h"
#include "reconcile/roles/privileges.h"
#include "reconcile/roles/roles.h"

struct driver {
	json_t *request;
	json_t *answer;
	json_t *known;
	json_int_t gets; /* how often a password was asked for */
};

static json_t *find_secret(struct driver *driver, const struct user_password *place)
{
	CLEANUP(memory_freep)
	char *name = memory_printf("%s%s%s", place->namespace ? place->namespace : "",
		place->namespace ? "/" : "", place->secret);
	return json_object_get(json_object_get(driver->request, "secrets"), name);
}

static bool secret_version(void *context, const struct user_password *place, struct arena *mem,
	const char **version, const char **why)
{
	struct driver *driver = context;
	json_t *found = find_secret(driver, place);
	if (!found) {
		*why = "looked in the request";
		return false;
	}
	*version = arena_copy(mem, json_text_at(found, "version", "1"));
	return true;
}

static bool secret_get(
	void *context, const struct user_password *place, struct secret *password, struct error *err)
{
	struct driver *driver = context;
	json_t *found = find_secret(driver, place);
	json_t *plain = json_object_get(found, place->key);
	const char *encoded =
		strcmp(place->key, "password") == 0 ? json_text_at(found, "password64", NULL) : NULL;
	driver->gets++;
	if (encoded) {
		size_t length;
		unsigned char *bytes = memory_alloc(strlen(encoded) + 1);
		if (!text_base64_decode(encoded, strlen(encoded), bytes, &length))
			abort();
		secret_set(password, bytes, length);
		free(bytes);
		return true;
	}
	if (!plain)
		return error_set(err, ERROR_MISSING, "no key %s", place->key);
	secret_set(password, json_string_value(plain), json_string_length(plain));
	return true;
}

/* As the agent does it: what a pass that writes has made stands in "secrets" of the request from then on, and in "generated" of the answer. */
static bool generate(void *context, const struct user_password *place, struct secret *password,
	struct arena *mem, const char **version, const char **why)
{
	struct driver *driver = context;
	CLEANUP(memory_freep) char *text = memory_printf("generated for %s", place->secret);
	(void)mem;
	(void)why;
	secret_set(password, text, strlen(text));
	*version = NULL;
	if (strcmp(json_text_at(driver->request, "mode", "apply"), "apply") != 0)
		return true;
	json_object_set_new(json_object_get(driver->answer, "generated"), place->secret,
		json_pack("{s:s, s:s}", "version", "made", place->key, text));
	*version = "made";
	return true;
}

/* "USER VERSION DIGEST" */
static char *known_key(const char *user, const char *verifier, const char *version)
{
	char hex[DIGEST_HEX_SIZE];
	digest_sha256_hex(verifier, strlen(verifier), hex);
	return memory_printf("%s %s %s", user, version, hex);
}

static bool known(void *context, const char *user, const char *verifier, const char *version)
{
	struct driver *driver = context;
	CLEANUP(memory_freep) char *key = known_key(user, verifier, version);
	return json_object_get(driver->known, key) != NULL;
}

static void remember(void *context, const char *user, const char *verifier, const char *version)
{
	struct driver *driver = context;
	CLEANUP(memory_freep) char *key = known_key(user, verifier, version);
	CLEANUP(memory_freep) char *before = memory_printf("%s ", user);
	const char *other;
	void *next;
	json_t *ignored;
	json_object_foreach_safe (driver->known, next, other, ignored) /* one of each user, as in the store */
		if (text_starts(other, before))
			json_object_del(driver->known, other);
	json_object_set_new(driver->known, key, json_true());
}

static bool remembers(void *context, const char *role)
{
	struct driver *driver = context;
	json_t *name;
	size_t i;
	json_array_foreach (json_object_get(driver->request, "remembered"), i, name)
		if (strcmp(json_string_value(name), role) == 0)
			return true;
	return false;
}

static const char **strings(const json_t *list, struct arena *mem, size_t *count)
{
	const char **items = arena_array(mem, json_array_size(list) + 1, sizeof(*items));
	*count = json_array_size(list);
	for (size_t i = 0; i < *count; i++)
		items[i] = arena_copy(mem, json_string_value(json_array_get(list, i)));
	return items;
}

static struct roles_policy read_policy(const json_t *request, struct arena *mem)
{
	const json_t *json = json_object_get(request, "policy");
	struct roles_policy policy = {
		.adopt = json_bool_at(json, "adopt", false),
		.memberships = json_bool_at(json, "additive", false) ? UPKEEP_ADDITIVE : UPKEEP_EXACT,
		.report_only = json_bool_at(json, "report_only", false),
		.max_deletions = (int)json_number_at(json, "max_deletions", 0),
		.heir = json_text_at(json, "heir", NULL),
		.hold = json_number_at(json, "hold", 0),
	};
	if (json_object_get(json, "memberships"))
		policy.memberships = (enum upkeep)json_number_at(json, "memberships", 0);
	policy.grants = (enum upkeep)json_number_at(json, "grants", 0);
	policy.protected_roles = strings(json_object_get(json, "protected"), mem, &policy.protected_count);
	policy.grantable = strings(json_object_get(json, "grantable"), mem, &policy.grantable_count);
	policy.heir_roles = strings(json_object_get(json, "heir_roles"), mem, &policy.heir_role_count);
	policy.extensions = strings(json_object_get(json, "extensions"), mem, &policy.extension_count);
	policy.grants_allowed =
		strings(json_object_get(json, "allow_grants"), mem, &policy.grants_allowed_count);
	policy.parameters = strings(json_object_get(json, "parameters"), mem, &policy.parameter_count);
	const json_t *attributes = json_object_get(json, "attributes"), *word;
	size_t i;
	policy.attributes_said = attributes != NULL;
	json_array_foreach (attributes, i, word) {
		enum role_attribute attribute;
		if (role_attribute_of(json_string_value(word), &attribute))
			policy.attributes |= 1U << attribute;
	}
	policy.denied = strings(json_object_get(json, "denied"), mem, &policy.denied_count);
	return policy;
}

static json_t *string_list(const char *const *items, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(items[i]));
	return list;
}

static json_t *show_step(const struct role_step *step)
{
	return json_pack("{ss ss ss ss sb ss}", "action", role_action_name(step->action), "user", step->user,
		"database", step->database, "sql", step->redacted, "done", step->done, "error",
		step->error.text);
}

static json_t *show_report(const struct role_report *report)
{
	json_t *differences = json_array();
	for (size_t i = 0; i < report->difference_count; i++)
		json_array_append_new(differences,
			json_pack("{ss ss ss}", "field", report->differences[i].field, "wanted",
				report->differences[i].wanted, "found", report->differences[i].found));
	return json_pack("{ss ss ss so so sb ss ss sb}", "name", report->name, "status",
		user_status_name(report->status), "reason", report->reason, "roles",
		string_list(report->roles, report->role_count), "differences", differences, "managed_before",
		report->managed_before, "until", report->until ? report->until : "", "progress",
		report->progress ? report->progress : "", "good", role_report_is_good(report));
}

static void show_plan(struct driver *driver, const struct roles_plan *plan)
{
	json_t *steps = json_array(), *reports = json_array(), *held = json_array();
	for (size_t i = 0; i < plan->held_count; i++)
		json_array_append_new(held, show_step(&plan->held[i]));
	json_object_set_new(driver->answer, "held", held);
	for (size_t i = 0; i < plan->step_count; i++)
		json_array_append_new(steps, show_step(&plan->steps[i]));
	for (size_t i = 0; i < plan->report_count; i++)
		json_array_append_new(reports, show_report(&plan->reports[i]));
	json_object_set_new(driver->answer, "steps", steps);
	json_object_set_new(driver->answer, "reports", reports);
	json_object_set_new(driver->answer, "deletions", string_list(plan->deletions, plan->deletion_count));
	json_object_set_new(driver->answer, "warnings", string_list(plan->warnings, plan->warning_count));
	json_t *unmanaged = json_array();
	for (size_t i = 0; i < plan->unmanaged_count; i++)
		json_array_append_new(unmanaged,
			json_pack("{ss ss sb sb sb}", "name", plan->unmanaged[i].name, "reason",
				plan->unmanaged[i].reason, "login", plan->unmanaged[i].login, "super",
				plan->unmanaged[i].super, "referenced", plan->unmanaged[i].referenced));
	json_object_set_new(driver->answer, "unmanaged", unmanaged);
	json_object_set_new(
		driver->answer, "not_adopted", json_string(plan->not_adopted ? plan->not_adopted : ""));
	json_object_set_new(driver->answer, "confirm", json_string(plan->confirm));
	json_object_set_new(driver->answer, "blocked", json_boolean(plan->blocked));
	json_t *missing = json_array();
	for (size_t i = 0; i < plan->missing_count; i++)
		json_array_append_new(missing,
			json_pack("[sss]", plan->missing[i].role, plan->missing[i].what,
				plan->missing[i].database));
	json_object_set_new(driver->answer, "missing", missing);
	json_object_set_new(driver->answer, "wake", json_integer(plan->wake));
}

static void took(struct driver *driver, const char *what, int64_t *start)
{
	int64_t now = clock_now();
	json_object_set_new(driver->answer, what, json_integer(now - *start));
	*start = now;
}

static bool export(struct driver *driver, struct session *session, const struct roles_plan_input *input,
	struct arena *mem, struct error *err)
{
	struct roles_export found;
	if (!roles_export(session, input, mem, &found, err))
		return false;
	json_t *left_out = json_array();
	for (size_t i = 0; i < found.left_out_count; i++)
		json_array_append_new(left_out,
			json_pack("{ss ss}", "name", found.left_out[i].name, "reason",
				found.left_out[i].reason));
	json_object_set_new(driver->answer, "left_out", left_out);
	json_object_set_new(driver->answer, "text", json_string(found.text));
	return true;
}

static bool pass(struct driver *driver, struct session *session, const struct users *users,
	const struct roles_policy *policy, struct arena *mem, struct error *err)
{
	const char *mode = json_text_at(driver->request, "mode", "apply");
	struct roles_passwords passwords = {
		driver, secret_version, secret_get, known, remember, generate, NULL, NULL};
	struct roles_present *present;
	struct roles_plan plan;
	struct roles_plan_input input = {
		.wanted = users,
		.commit = json_text_at(driver->request, "commit", "c0ffee"),
		.confirmed = json_text_at(driver->request, "confirm", NULL),
		.no_deletions = json_bool_at(driver->request, "no_deletions", false),
		.policy = policy,
		.passwords = &passwords,
		.target = json_text_at(driver->request, "name", "main"),
		.manager = json_text_at(driver->request, "manager", "west"),
		.former = json_text_at(driver->request, "former", NULL),
		.remembers = remembers,
		.memory = driver,
		.take_over = json_text_at(driver->request, "take_over", NULL),
	};
	input.adopt = strings(json_object_get(driver->request, "adopt"), mem, &input.adopt_count);
	input.hurried = strings(json_object_get(driver->request, "now"), mem, &input.hurried_count);
	if (strcmp(mode, "export") == 0)
		return export(driver, session, &input, mem, err);
	int64_t start = clock_now();
	if (!roles_observe(session, &input, mem, &present, err))
		return false;
	took(driver, "observe_us", &start);
	roles_plan(present, &input, mem, &plan);
	took(driver, "plan_us", &start);
	struct grants_wanted described;
	struct grants_present *privileges;
	struct grants_plan grants = {0};
	privileges_wanted(&plan, users, mem, &described);
	if (!grants_observe(session, &described, mem, &privileges, err))
		return false;
	grants_plan(privileges, &described, mem, &grants);
	privileges_join(&plan, &grants, mem);
	json_object_set_new(driver->answer, "script", json_string(roles_script(&plan, mem)));
	bool ok = strcmp(mode, "apply") != 0 ||
		(roles_apply(session, &plan, mem, err) && grants_apply(session, &grants, mem, err));
	if (strcmp(mode, "apply") == 0)
		privileges_settle(&plan, mem);
	took(driver, "apply_us", &start);
	show_plan(driver, &plan);
	return ok;
}

static void run(struct driver *driver, struct arena *mem, struct error *err)
{
	struct roles_policy policy = read_policy(driver->request, mem);
	struct mistakes mistakes = {.mem = mem};
	struct users read, users;
	struct arena *scratch = arena_new(LIMIT_PASS_MEMORY);
	json_t *shown = json_array(), *text = json_object_get(driver->request, "users");
	const struct users_place place = {json_text_at(driver->request, "file", "users.yaml"),
		(int)json_number_at(driver->request, "line", 1),
		(int)json_number_at(driver->request, "indent", 0)};
	users_read(&place, json_string_value(text), json_string_length(text),
		json_text_at(driver->request, "database", "postgres"), &policy, scratch, &read, &mistakes);
	users_copy(&read, mem, &users);
	arena_free(scratch);
	for (size_t i = 0; i < mistakes.count; i++)
		json_array_append_new(shown, json_string(mistake_text(&mistakes.items[i], mem)));
	json_object_set_new(driver->answer, "mistakes", shown);
	if (mistakes.count || strcmp(json_text_at(driver->request, "mode", "apply"), "check") == 0)
		return;

	struct session *session = NULL;
	struct session_target target = {
		.name = json_text_at(driver->request, "name", "main"),
		.connection = json_text_at(driver->request, "connection", ""),
		.deadline = json_number_at(driver->request, "deadline", 20000),
		.authentication =
			(enum session_authentication)json_number_at(driver->request, "authentication", 0),
	};
	const char *password = json_text_at(driver->request, "password", "");
	secret_set(&target.password, password, strlen(password));
	int64_t start = clock_now();
	bool connected = session_connect(&target, &session, err);
	took(driver, "connect_us", &start);
	if (connected) {
		(void)pass(driver, session, &users, &policy, mem, err);
		json_object_set_new(driver->answer, "version", json_integer(session_server_version(session)));
		json_object_set_new(
			driver->answer, "statements", json_integer((json_int_t)session_statements(session)));
		json_object_set_new(
			driver->answer, "writes", json_integer((json_int_t)session_writes(session)));
	}
	session_close(session);
	secret_done(&target.password);
}

static bool answer_next(void)
{
	struct driver driver = {.answer = json_object()};
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct error err = {0};
	json_error_t problem;
	driver.request = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, &problem);
	bool more = driver.request != NULL;
	if (more) {
		json_t *before = json_object_get(driver.request, "known");
		driver.known = before ? json_deep_copy(before) : json_object();
		json_object_set_new(driver.answer, "generated", json_object());
		run(&driver, mem, &err);
		json_object_set_new(driver.answer, "error", json_string(err.text));
		json_object_set_new(
			driver.answer, "error_kind", json_string(err.kind ? error_kind_name(err.kind) : ""));
		json_object_set_new(driver.answer, "gets", json_integer(driver.gets));
		json_object_set(driver.answer, "known", driver.known);
		json_dumpf(driver.answer, stdout, JSON_INDENT(1));
		printf("\n");
		fflush(stdout);
	} else if (!feof(stdin)) {
		fprintf(stderr, "bad request: %s\n", problem.text);
	}
	json_decref(driver.known);
	json_decref(driver.answer);
	json_decref(driver.request);
	arena_free(mem);
	return more;
}

int main(void)
{
	while (answer_next())
		;
	return feof(stdin) ? 0 : 2;
}
