/*
 * test_managed.c - random clusters, tables and lists: what must hold of any plan
 *
 * Whatever differs has a step or a reason; what is not ours by the table is never locked, retired or dropped; nothing is made under the
 * name of a role that was renamed by hand. A round that fails says its number, which is its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "reconcile/roles/managed.h"

enum { ROUNDS = 4000, NAMES = 12, DATABASES = 3, TEXT_BYTES = 8192 };

static const char *const names[NAMES] = {
	"ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kai", "lea"};
static const char *const database_names[DATABASES] = {"app", "other", "shut"};
static const char *const comments[] = {"", "", "managed by pgitops (main)", "managed by pgitops (main)",
	"managed by pgitops (main) group", "managed by pgitops (main) retiring: x",
	"managed by pgitops (other)", "x"};

struct world {
	uint64_t state; /* of the random numbers */
	struct arena *mem;
	struct roles_present present;
	struct roles_policy policy;
	struct users users;
	struct roles_plan_input input;
	struct roles_plan plan;
};

static uint32_t below(struct world *world, uint32_t limit)
{
	world->state ^= world->state << 13;
	world->state ^= world->state >> 7;
	world->state ^= world->state << 17;
	return (uint32_t)((world->state >> 11) % limit);
}

static bool one_in(struct world *world, uint32_t count)
{
	return below(world, count) == 0;
}

static void add_roles(struct world *world)
{
	struct roles_present *present = &world->present;
	present->roles = arena_array(world->mem, NAMES + 1, sizeof(*present->roles));
	present->roles[present->role_count++] = (struct role){.oid = 10,
		.name = "postgres",
		.super = true,
		.login = true,
		.inherit = true,
		.connection_limit = -1,
		.comment = ""};
	for (uint32_t i = 0; i < NAMES; i++) {
		if (one_in(world, 4))
			continue;
		present->roles[present->role_count++] = (struct role){
			.oid = 20000 + i,
			.name = names[i],
			.super = one_in(world, 15),
			.inherit = !one_in(world, 10),
			.create_role = one_in(world, 10),
			.login = !one_in(world, 3),
			.connection_limit = one_in(world, 10) ? 3 : -1,
			.verifier = one_in(world, 5) ? NULL : "verifier",
			.comment = comments[below(world, COUNT_OF(comments))],
		};
	}
}

/* Mostly right; else of another name, OID, agent or database. */
static void add_rows(struct world *world)
{
	struct roles_present *present = &world->present;
	present->has_schema = present->has_table = !one_in(world, 6);
	present->managed = arena_array(world->mem, NAMES, sizeof(*present->managed));
	for (uint32_t i = 0; present->has_table && i < NAMES; i++) {
		if (one_in(world, 3))
			continue;
		bool other = one_in(world, 12);
		present->managed[present->managed_count++] = (struct managed_role){
			.oid = one_in(world, 12) ? 30000 + i : 20000 + i,
			.name = one_in(world, 10) ? names[below(world, NAMES)] : names[i],
			.state = one_in(world, 4)  ? MARK_GROUP
				: one_in(world, 6) ? MARK_RETIRING
						   : MARK_USER,
			.manager = other ? "east" : "west",
			.target = other ? "other" : "main",
			.since = "2026-01-01T00:00:00Z",
		};
	}
}

static uint32_t any_role(struct world *world)
{
	return world->present.roles[below(world, (uint32_t)world->present.role_count)].oid;
}

/* No circles: a role has only members that stand before it. */
static void add_memberships(struct world *world)
{
	struct roles_present *present = &world->present;
	size_t most = below(world, 20);
	present->memberships = arena_array(world->mem, most + 1, sizeof(*present->memberships));
	for (size_t i = 0; i < most; i++) {
		uint32_t role = any_role(world), member = any_role(world);
		if (role <= member || role == 10 || member == 10)
			continue;
		bool granted_by_another = present->version >= 160000 && one_in(world, 2);
		present->memberships[present->membership_count++] = (struct membership){
			.role = role,
			.member = member,
			.grantor = granted_by_another ? any_role(world) : 10,
			.admin = one_in(world, 3),
			.inherits = present->version < 160000 || !one_in(world, 4),
			.can_set = present->version < 160000 || !one_in(world, 4),
		};
	}
}

static void add_databases(struct world *world)
{
	struct roles_present *present = &world->present;
	present->databases = arena_array(world->mem, DATABASES, sizeof(*present->databases));
	present->connects = arena_array(world->mem, 10, sizeof(*present->connects));
	present->dependencies = arena_array(world->mem, 10, sizeof(*present->dependencies));
	for (uint32_t i = 0; i < DATABASES; i++)
		present->databases[present->database_count++] = (struct database){.oid = i + 1,
			.name = database_names[i],
			.owner = one_in(world, 2) ? 10 : any_role(world),
			.allows_connections = i != 2,
			.public_connect = one_in(world, 2)};
	for (size_t i = below(world, 10); i > 0; i--)
		present->connects[present->connect_count++] =
			(struct connect_grant){.database = 1 + below(world, DATABASES),
				.grantee = any_role(world),
				.grantor = one_in(world, 3) ? any_role(world) : 10,
				.grantable = one_in(world, 4),
				.orphan = one_in(world, 8)};
	for (size_t i = below(world, 6); i > 0; i--)
		present->dependencies[present->dependency_count++] =
			(struct dependency){any_role(world), below(world, DATABASES + 1), one_in(world, 2), 1};
}

/* False where the list has a mistake. */
static bool add_users(struct world *world)
{
	CLEANUP(buf_done) struct buf text = BUF(TEXT_BYTES);
	struct mistakes mistakes = {.mem = world->mem};
	buf_text(&text, "users:\n");
	for (size_t i = 0; i < NAMES; i++) {
		if (one_in(world, 2))
			continue;
		buf_printf(&text, "- {username: %s%s, roles: [", names[i],
			one_in(world, 8) ? ", ensure: absent" : "");
		for (size_t r = below(world, 3); r > 0; r--)
			buf_printf(&text, "%s, ", names[below(world, NAMES)]);
		buf_text(&text, "]}\n");
	}
	buf_text(&text, "- {username: zoe}\n");
	users_read(&(struct users_place){"users.yaml", 1, 0}, buf_string(&text), text.length, "app",
		&world->policy, world->mem, &world->users, &mistakes);
	return !mistakes.count;
}

static bool secret_version(void *context, const struct user_password *place, struct arena *mem,
	const char **version, const char **why)
{
	(void)context;
	(void)place;
	(void)mem;
	(void)why;
	*version = "1";
	return true;
}

static bool secret_get(
	void *context, const struct user_password *place, struct secret *password, struct error *err)
{
	static const char verifier[] =
		"SCRAM-SHA-256$1:c2FsdHNhbHQ=$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	(void)context;
	(void)place;
	(void)err;
	secret_set(password, verifier, sizeof(verifier) - 1);
	return true;
}

static bool known(void *context, const char *user, const char *verifier, const char *version)
{
	(void)context;
	(void)user;
	(void)verifier;
	(void)version;
	return true;
}

static void remember(void *context, const char *user, const char *verifier, const char *version)
{
	(void)context;
	(void)user;
	(void)verifier;
	(void)version;
}

/* --- what must hold --- */

/* To forget a role that is gone changes nothing about a user. */
static const struct role_step *step_of(const struct roles_plan *plan, const char *user)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (strcmp(plan->steps[i].user, user) == 0 && plan->steps[i].action != ROLE_FORGET)
			return &plan->steps[i];
	return NULL;
}

/* By the table itself, or by the comment where there was none and users.yaml names it. */
static bool is_ours(const struct world *world, const char *name)
{
	const struct roles_present *present = &world->present;
	const struct role *role = present_role(present, name);
	for (size_t i = 0; role && i < present->managed_count; i++) {
		const struct managed_role *row = &present->managed[i];
		if (row->oid == role->oid && strcmp(row->name, name) == 0 && strcmp(row->manager, "west") == 0)
			return true;
	}
	return role && !present->has_table && mark_is_ours(mark_read(role->comment, "main"));
}

static bool goes(const struct roles_plan *plan, const char *user)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (strcmp(plan->steps[i].user, user) == 0 && plan->steps[i].action == ROLE_RETIRE)
			return true;
	return false;
}

static void check_step(const struct world *world, const struct role_step *step)
{
	bool removes = step->action == ROLE_LOCK || step->action == ROLE_RETIRE || step->action == ROLE_DROP;
	bool makes = step->action == ROLE_CREATE || step->action == ROLE_CREATE_GROUP;
	const struct role *role = present_role(&world->present, step->user);
	if (removes)
		assert_true(is_ours(world, step->user));
	if (makes)
		assert_true(!role && !managed_renamed(&world->present, step->user));
	if (step->action == ROLE_ALTER)
		assert_true(is_ours(world, step->user) || world->policy.adopt);
	if (role && managed_is_untouchable(&world->present, role))
		assert_true(is_ours(world, step->user));
	if (world->policy.memberships == UPKEEP_ADDITIVE && step->action == ROLE_REVOKE)
		assert_true(goes(&world->plan, step->user)); /* who goes keeps nothing */
}

static void check(const struct world *world)
{
	const struct roles_plan *plan = &world->plan;
	for (size_t i = 0; i < plan->step_count; i++)
		check_step(world, &plan->steps[i]);
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		bool differs = report->difference_count || report->status != USER_SYNCED;
		const struct role_step *step = step_of(plan, report->name);
		if (differs && !*report->reason && !step)
			fail_msg("%s differs without a step or a reason", report->name);
		if (report->status == USER_SYNCED && step)
			fail_msg("%s is called Synced: %s", report->name, step->redacted);
		if (i && strcmp(plan->reports[i - 1].name, report->name) == 0)
			fail_msg("%s is reported twice", report->name);
	}
}

/* False where the random list is none. */
static bool run_round(uint64_t number, struct arena *mem)
{
	static const int versions[] = {130000, 150000, 160000, 180000};
	static const struct roles_passwords passwords = {
		NULL, secret_version, secret_get, known, remember, NULL, NULL, NULL};
	struct world world = {.state = number * 0x9e3779b97f4a7c15u + 1, .mem = mem};
	world.present.session_user = "postgres";
	world.present.session_database = "postgres";
	world.present.server = "1";
	world.present.version = versions[below(&world, COUNT_OF(versions))];
	world.policy.adopt = one_in(&world, 4);
	world.policy.memberships = one_in(&world, 4) ? UPKEEP_ADDITIVE : UPKEEP_EXACT;
	add_roles(&world);
	add_rows(&world);
	add_memberships(&world);
	add_databases(&world);
	if (!add_users(&world))
		return false;
	world.input = (struct roles_plan_input){
		.wanted = &world.users,
		.commit = "c0ffee",
		.policy = &world.policy,
		.passwords = &passwords,
		.target = "main",
		.manager = "west",
	};
	present_index(&world.present, mem);
	managed_judge(&world.present, &world.input, mem);
	roles_plan(&world.present, &world.input, mem, &world.plan);
	check(&world);
	return true;
}

static void test_whatever_differs_has_a_step_or_a_reason_and_only_ours_is_removed(void **state)
{
	(void)state;
	struct arena *mem = arena_new(8 << 20);
	size_t planned = 0;
	for (uint64_t number = 1; number <= ROUNDS; number++) {
		fprintf(stderr, "\rround %llu", (unsigned long long)number);
		planned += run_round(number, mem);
		arena_reset(mem);
	}
	fprintf(stderr, ": %zu lists\n", planned);
	assert_true(planned > ROUNDS / 4);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_differs_has_a_step_or_a_reason_and_only_ours_is_removed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
