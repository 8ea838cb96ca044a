/*
 * test_plan.c - the plan without a server: every file of cases/ is a cluster, a list of users and the plan that follows
 *
 *   version 170004 | policy [adopt] [additive] [max=N] [grantable=G] [denied=G] [protected=G] [heir=ROLE] | confirm HASH | no_deletions
 *   role NAME [oid=N] [super] [createdb] [createrole] [replication] [bypassrls] [noinherit] [nologin] [limit=N] [expires]
 *        [password=equal|other|none] [# COMMENT]
 *   row NAME [oid=N | of=ROLE] [state=group] [manager=west] [target=main]
 *                    of the agent's table; where no case says what is in it, it says what the comments say
 *   table            is there and empty
 *   no table         is there
 *   show rows        the statements that write it are left out of the plan otherwise
 *   adopt ROLE       a person has asked for it
 *   member ROLE MEMBER [by=NAME] [admin] [noinherit] [noset]
 *   database NAME [owner=NAME] [closed] [public]
 *   connect DATABASE ROLE [by=NAME] [grantable]
 *   depends ROLE DATABASE|- owned|named COUNT
 *   belongs ROLE database|tablespace|subscription|prepared|sessions|slot NAME [in=DATABASE]
 *   secret USER
 *   users            followed by users.yaml, up to
 *   plan             followed by what is expected: steps ("held: " before those that wait; of a retirement its REASSIGN and DROP),
 *                    "= NAME STATUS: REASON" and "! WARNING"
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "reconcile/roles/managed.h"
#include "reconcile/postgres/scram.h"

enum { MOST = 64, WORDS = 24, CASE_BYTES = 1 << 20 };

struct story {
	struct arena *mem;
	struct roles_present present;
	struct roles_policy policy;
	const char *globs[3][MOST];
	const char *secrets[MOST];
	size_t secret_count;
	const char *confirm;
	const char *adopt[MOST];
	size_t adopt_count;
	bool no_deletions, table_told, shows_rows;
	char *users;
	char *expected;
	char *equal; /* a verifier of "geheim" */
};

static const char *value_of(char **words, const char *key)
{
	size_t length = strlen(key);
	for (; *words; words++)
		if (strncmp(*words, key, length) == 0 && (*words)[length] == '=')
			return *words + length + 1;
	return NULL;
}

static bool has(char **words, const char *word)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static uint32_t oid_of(const struct story *story, const char *role)
{
	for (size_t i = 0; role && i < story->present.role_count; i++)
		if (strcmp(story->present.roles[i].name, role) == 0)
			return story->present.roles[i].oid;
	if (role)
		fail_msg("no role %s", role);
	return 10;
}

static uint32_t database_of(const struct story *story, const char *name)
{
	for (size_t i = 0; i < story->present.database_count; i++)
		if (strcmp(story->present.databases[i].name, name) == 0)
			return story->present.databases[i].oid;
	return 0;
}

static const char *verifier_of(const struct story *story, const char *password)
{
	if (text_equal(password, "none"))
		return NULL;
	return text_equal(password, "other") ? "md50123456789abcdef0123456789abcdef" : story->equal;
}

static void add_role(struct story *story, char **words, const char *comment)
{
	struct roles_present *present = &story->present;
	const char *oid = value_of(words, "oid"), *limit = value_of(words, "limit");
	bool expires = has(words, "expires");
	struct role *role = &present->roles[present->role_count++];
	*role = (struct role){
		.oid = oid ? (uint32_t)atoi(oid) : 20000 + (uint32_t)present->role_count,
		.name = words[1],
		.super = has(words, "super"),
		.inherit = !has(words, "noinherit"),
		.create_role = has(words, "createrole"),
		.create_db = has(words, "createdb"),
		.login = !has(words, "nologin"),
		.replication = has(words, "replication"),
		.bypass_rls = has(words, "bypassrls"),
		.connection_limit = limit ? atoi(limit) : -1,
		.expires = expires,
		.expiry = expires ? "2026-01-01 00:00:00+00" : NULL,
		.verifier = verifier_of(story, value_of(words, "password")),
		.comment = comment,
	};
}

static void add_row(struct story *story, char **words)
{
	struct roles_present *present = &story->present;
	const char *oid = value_of(words, "oid"), *of = value_of(words, "of"),
		   *state = value_of(words, "state");
	const char *manager = value_of(words, "manager"), *target = value_of(words, "target");
	enum on_remove on_remove;
	enum mark mark = managed_state(state ? state : "user", &on_remove);
	present->has_schema = present->has_table = story->table_told = true;
	present->managed[present->managed_count++] = (struct managed_role){
		.oid = oid ? (uint32_t)atoi(oid) : oid_of(story, of ? of : words[1]),
		.name = words[1],
		.state = mark,
		.on_remove = on_remove,
		.manager = manager ? manager : "west",
		.target = target ? target : "main",
		.since = "2026-01-01T00:00:00Z",
	};
}

/* What the agent has written beside the comments. */
static void add_rows(struct story *story)
{
	struct roles_present *present = &story->present;
	present->has_schema = present->has_table = true;
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		enum mark state = mark_read(role->comment, "main");
		if (mark_is_ours(state))
			present->managed[present->managed_count++] = (struct managed_role){role->oid,
				role->name, state, role->on_remove, "west", "main", "2026-01-01T00:00:00Z", 0};
	}
}

static void add_policy(struct story *story, char **words)
{
	struct roles_policy *policy = &story->policy;
	const char *max = value_of(words, "max"), *grantable = value_of(words, "grantable");
	const char *denied = value_of(words, "denied"), *protected = value_of(words, "protected");
	policy->adopt = has(words, "adopt");
	policy->memberships = has(words, "additive") ? UPKEEP_ADDITIVE : UPKEEP_EXACT;
	policy->max_deletions = max ? atoi(max) : 0;
	if (grantable)
		story->globs[0][policy->grantable_count++] = grantable;
	if (denied)
		story->globs[1][policy->denied_count++] = denied;
	if (protected)
		story->globs[2][policy->protected_count++] = protected;
	policy->heir = value_of(words, "heir");
	policy->protected_roles = story->globs[2];
	policy->grantable = story->globs[0];
	policy->denied = story->globs[1];
}

static void add_belonging(struct story *story, char **words)
{
	static const char *const kinds[] = {
		"database", "tablespace", "subscription", "prepared", "sessions", "slot"};
	struct roles_present *present = &story->present;
	const char *database = value_of(words, "in");
	size_t kind = 0;
	while (strcmp(kinds[kind], words[2]) != 0)
		kind++;
	present->belongings[present->belonging_count++] = (struct belonging){
		oid_of(story, words[1]), (enum belonging_kind)kind, words[3], database ? database : ""};
}

static void add_line(struct story *story, char **words, const char *comment)
{
	struct roles_present *present = &story->present;
	const char *what = words[0];
	if (strcmp(what, "version") == 0)
		present->version = atoi(words[1]);
	else if (strcmp(what, "policy") == 0)
		add_policy(story, words);
	else if (strcmp(what, "confirm") == 0)
		story->confirm = words[1];
	else if (strcmp(what, "no_deletions") == 0)
		story->no_deletions = true;
	else if (strcmp(what, "secret") == 0)
		story->secrets[story->secret_count++] = words[1];
	else if (strcmp(what, "row") == 0)
		add_row(story, words);
	else if (strcmp(what, "table") == 0 || strcmp(what, "no") == 0) {
		story->table_told = true;
		present->has_schema = present->has_table = strcmp(what, "table") == 0;
	} else if (strcmp(what, "show") == 0)
		story->shows_rows = true;
	else if (strcmp(what, "adopt") == 0)
		story->adopt[story->adopt_count++] = words[1];
	else if (strcmp(what, "role") == 0)
		add_role(story, words, comment);
	else if (strcmp(what, "member") == 0)
		present->memberships[present->membership_count++] = (struct membership){
			oid_of(story, words[1]), oid_of(story, words[2]), oid_of(story, value_of(words, "by")),
			has(words, "admin"), !has(words, "noinherit"), !has(words, "noset")};
	else if (strcmp(what, "database") == 0) {
		size_t at = present->database_count++;
		present->databases[at] = (struct database){.oid = (uint32_t)(at + 1),
			.name = words[1],
			.owner = oid_of(story, value_of(words, "owner")),
			.allows_connections = !has(words, "closed"),
			.public_connect = has(words, "public")};
	} else if (strcmp(what, "connect") == 0)
		present->connects[present->connect_count++] =
			(struct connect_grant){.database = database_of(story, words[1]),
				.grantee = oid_of(story, words[2]),
				.grantor = oid_of(story, value_of(words, "by")),
				.grantable = has(words, "grantable")};
	else if (strcmp(what, "depends") == 0)
		present->dependencies[present->dependency_count++] =
			(struct dependency){oid_of(story, words[1]), database_of(story, words[2]),
				strcmp(words[3], "owned") == 0, atoi(words[4])};
	else if (strcmp(what, "belongs") == 0)
		add_belonging(story, words);
	else
		fail_msg("a case does not know \"%s\"", what);
}

static void read_line(struct story *story, char *line)
{
	char *words[WORDS + 1] = {NULL};
	size_t count = 0;
	char *comment = strstr(line, " # ");
	if (comment) {
		*comment = '\0';
		comment += 3;
	}
	for (char *rest = NULL, *word = strtok_r(line, " ", &rest); word && count < WORDS;
		word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	if (count)
		add_line(story, words, comment ? comment : "");
}

static void read_case(struct story *story, char *text)
{
	struct roles_present *present = &story->present;
	char *users = strstr(text, "\nusers\n"), *plan = strstr(text, "\nplan\n");
	assert_non_null(users);
	assert_non_null(plan);
	*users = '\0';
	plan[1] = '\0';
	story->users = users + 7;
	story->expected = plan + 6;
	*present = (struct roles_present){
		.version = 170000, .session_user = "postgres", .session_database = "postgres", .server = "1"};
	present->roles = arena_array(story->mem, MOST, sizeof(*present->roles));
	present->memberships = arena_array(story->mem, MOST, sizeof(*present->memberships));
	present->databases = arena_array(story->mem, MOST, sizeof(*present->databases));
	present->connects = arena_array(story->mem, MOST, sizeof(*present->connects));
	present->dependencies = arena_array(story->mem, MOST, sizeof(*present->dependencies));
	present->belongings = arena_array(story->mem, MOST, sizeof(*present->belongings));
	present->managed = arena_array(story->mem, MOST, sizeof(*present->managed));
	present->roles[present->role_count++] = (struct role){.oid = 10,
		.name = "postgres",
		.super = true,
		.login = true,
		.inherit = true,
		.connection_limit = -1,
		.comment = ""};
	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_line(story, line);
	if (!story->table_told)
		add_rows(story);
	present_index(present, story->mem);
}

static bool secret_version(void *context, const struct user_password *place, struct arena *mem,
	const char **version, const char **why)
{
	struct story *story = context;
	(void)mem;
	for (size_t i = 0; i < story->secret_count; i++)
		if (strncmp(place->secret + 5, story->secrets[i], strlen(story->secrets[i])) == 0) {
			*version = "1";
			return true;
		}
	*why = "it is not there";
	return false;
}

static bool secret_get(
	void *context, const struct user_password *place, struct secret *password, struct error *err)
{
	(void)context;
	(void)place;
	(void)err;
	secret_set(password, "geheim", 6);
	return true;
}

static bool known(void *context, const char *user, const char *verifier, const char *version)
{
	(void)context;
	(void)user;
	(void)verifier;
	(void)version;
	return false;
}

static void remember(void *context, const char *user, const char *verifier, const char *version)
{
	(void)context;
	(void)user;
	(void)verifier;
	(void)version;
}

/* Of the many lines of a retirement, those that change something. */
static void show_retirement(struct buf *out, const char *sql)
{
	const char *between = "";
	for (; *sql; sql += strcspn(sql, "\n"), sql += *sql == '\n') {
		if (!text_starts(sql, "REASSIGN") && !text_starts(sql, "DROP"))
			continue;
		buf_printf(out, "%s%.*s", between, (int)strcspn(sql, ";"), sql);
		between = "; ";
	}
	buf_text(out, "\n");
}

/* Up to the statements that write rows, which are the last of a step. */
static int shown_length(const struct story *story, const char *sql)
{
	static const char *const rows[] = {"; INSERT INTO " MANAGED_TABLE, "; DELETE FROM " MANAGED_TABLE};
	size_t length = strlen(sql);
	for (size_t i = 0; !story->shows_rows && i < COUNT_OF(rows); i++) {
		const char *found = strstr(sql, rows[i]);
		if (found && (size_t)(found - sql) < length)
			length = (size_t)(found - sql);
	}
	return (int)length;
}

static void show_step(
	struct buf *out, const struct story *story, const char *before, const struct role_step *step)
{
	buf_printf(out, "%s%s%s", before, step->database, *step->database ? ": " : "");
	if (step->action == ROLE_RETIRE)
		show_retirement(out, step->redacted);
	else
		buf_printf(out, "%.*s\n", shown_length(story, step->redacted), step->redacted);
}

static void show(struct buf *out, const struct story *story, const struct roles_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		show_step(out, story, "", &plan->steps[i]);
	for (size_t i = 0; i < plan->held_count; i++)
		show_step(out, story, "held: ", &plan->held[i]);
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		buf_printf(out, "= %s %s", report->name, user_status_name(report->status));
		for (size_t d = 0; d < report->difference_count; d++)
			buf_printf(out, "%s%s", d ? " " : " [", report->differences[d].field);
		buf_printf(out, "%s%s%s\n", report->difference_count ? "]" : "", *report->reason ? ": " : "",
			report->reason);
	}
	for (size_t i = 0; i < plan->warning_count; i++)
		buf_printf(out, "! %s\n", plan->warnings[i]);
	if (*plan->confirm)
		buf_printf(out, "? %s%s\n", plan->confirm, plan->blocked ? " blocked" : "");
}

static void run_case(const char *path)
{
	struct arena *mem = arena_new(64 << 20);
	struct story *story = arena_alloc(mem, sizeof(*story));
	struct buf text = BUF(CASE_BYTES), out = BUF(CASE_BYTES);
	struct error err = {0};
	struct mistakes mistakes = {.mem = mem};
	struct users users;
	struct roles_plan plan;
	char equal[SCRAM_TEXT_SIZE];

	scram_format("geheim", 6, (const unsigned char *)"salt", 4, SCRAM_ITERATIONS, equal);
	story->mem = mem;
	story->equal = equal;
	assert_true(file_read(path, &text, &err));
	read_case(story, arena_copy(mem, buf_string(&text)));
	users_read(&(struct users_place){"users.yaml", 1, 0}, story->users, strlen(story->users), "app",
		&story->policy, mem, &users, &mistakes);
	if (mistakes.count)
		fail_msg("%s: %s", path, mistakes.items[0].text);
	struct roles_passwords passwords = {
		story, secret_version, secret_get, known, remember, NULL, NULL, NULL};
	struct roles_plan_input input = {
		.wanted = &users,
		.commit = "c0ffee",
		.confirmed = story->confirm,
		.no_deletions = story->no_deletions,
		.policy = &story->policy,
		.passwords = &passwords,
		.target = "main",
		.manager = "west",
		.adopt = story->adopt,
		.adopt_count = story->adopt_count,
	};
	managed_judge(&story->present, &input, mem);
	roles_plan(&story->present, &input, mem, &plan);
	show(&out, story, &plan);
	if (strcmp(buf_string(&out), story->expected) != 0) {
		fprintf(stderr, "%s: the plan is\n%s\nand should be\n%s", path, buf_string(&out),
			story->expected);
		fail();
	}
	buf_done(&text);
	buf_done(&out);
	arena_free(mem);
}

static void test_every_case_has_its_plan(void **state)
{
	(void)state;
	const char *const folder = TEST_DATA "/cases";
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), cases = 0;
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (text_ends(entries[i]->d_name, ".case")) {
			run_case(path);
			cases++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(cases >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_case_has_its_plan)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
