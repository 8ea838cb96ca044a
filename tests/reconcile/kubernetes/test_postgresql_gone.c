#include "reconcile/kubernetes/postgresql.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

/* `live` is a whole object, NULL = none; `parts` stand in the reasons, each in its own, the last followed by NULL. */
static void check(const char *spec, const char *annotation, const char *live_object, const char *const *parts)
{
	struct arena *mem = arena_new(1 << 20);
	json_t *wanted = json_pack("{s:{s:s, s:{s:s}}, s:o}", "metadata", "name", "main", "annotations",
		"pgitops.dev/allow", annotation, "spec", read_json(spec));
	json_t *live = live_object ? read_json(live_object) : NULL;
	size_t count = 99, expected = 0;
	const char **reasons = postgresql_refusals(wanted, live, NULL, mem, &count);
	while (parts[expected])
		expected++;
	if (count != expected)
		fail_msg("%s: %zu (%s)", spec, count, count ? reasons[0] : "");
	for (size_t i = 0; i < count; i++)
		if (!strstr(reasons[i], parts[i]))
			fail_msg("%s: %s", spec, reasons[i]);
	json_decref(wanted);
	json_decref(live);
	arena_free(mem);
}

#define EXPECT(spec, annotation, live, ...)                                                                  \
	check(spec, annotation, live, (const char *const[]){__VA_ARGS__, NULL})
#define ALLOWED(spec, annotation, live) check(spec, annotation, live, (const char *const[]){NULL})

#define LIVE                                                                                                 \
	"{\"spec\":{\"users\":{\"app\":[],\"old\":[]},\"databases\":{\"shop\":\"app\"},\"preparedDatabases\":{\"bar\":{}}}}"

static void what_is_taken_out_stays_in_the_server(void **state)
{
	(void)state;
	const char *none = "{}", *words = "remove-user,remove-database,remove-prepared-database";
	EXPECT(none, "", LIVE, "spec.users loses app, old", "spec.databases loses shop",
		"spec.preparedDatabases loses bar");
	EXPECT(none, "remove-user", LIVE, "pgitops.dev/allow: \"remove-database\"",
		"pgitops.dev/allow: \"remove-prepared-database\"");
	ALLOWED(none, words, LIVE);
	ALLOWED(none, "", NULL);
	ALLOWED("{\"users\":{\"app\":[\"createdb\"],\"old\":[]},\"databases\":{\"shop\":\"app\"},\"preparedDatabases\":{\"bar\":{}}}",
		"", LIVE);
}

static void a_renamed_database_is_a_new_one(void **state)
{
	(void)state;
	EXPECT("{\"users\":{\"app\":[]},\"databases\":{\"store\":\"app\"}}", "",
		"{\"spec\":{\"users\":{\"app\":[]},\"databases\":{\"shop\":\"app\"}}}",
		"spec.databases loses shop: the operator drops and renames no database");
}

static void many_are_counted(void **state)
{
	(void)state;
	EXPECT("{}", "",
		"{\"spec\":{\"users\":{\"a\":[],\"b\":[],\"c\":[],\"d\":[],\"e\":[],\"f\":[],\"g\":[]}}}",
		"loses a, b, c, d, e and 2 more");
}

static const char *added_by(struct arena *mem, const char *manager)
{
	return arena_printf(mem,
		"{\"metadata\":{\"managedFields\":[{\"manager\":\"%s\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":"
		"{\"f:users\":{\"f:extra\":{}}}}}]},\"spec\":{\"users\":{\"extra\":[]}}}",
		manager);
}

/* Applied without it, it stays: the object has it from somebody who keeps it. */
static void what_somebody_else_added_is_not_taken_out(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 16);
	ALLOWED("{}", "", added_by(mem, "app-team"));
	EXPECT("{}", "", added_by(mem, "kubectl-client-side-apply"), "spec.users loses extra");
	EXPECT("{}", "", added_by(mem, "pgitops"), "spec.users loses extra");
	arena_free(mem);
}

static void a_database_needs_an_owner_that_is_made(void **state)
{
	(void)state;
	const char *foreign = "{\"users\":{\"app\":[]},\"databases\":{\"shop\":\"ap\"}}";
	EXPECT(foreign, "", NULL, "spec.databases.shop belongs to \"ap\", which is not in spec.users");
	ALLOWED(foreign, "foreign-owner", NULL);
	ALLOWED("{\"users\":{\"app\":[]},\"databases\":{\"shop\":\"app\"}}", "", NULL);
	ALLOWED("{\"preparedDatabases\":{\"bar\":{}},\"databases\":{\"shop\":\"bar_owner\"}}", "", NULL);
	/* It was so before, and whatever the operator made of it stays so. */
	ALLOWED(foreign, "", "{\"spec\":{\"users\":{\"app\":[]},\"databases\":{\"shop\":\"ap\"}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_out_stays_in_the_server),
		cmocka_unit_test(a_renamed_database_is_a_new_one),
		cmocka_unit_test(many_are_counted),
		cmocka_unit_test(what_somebody_else_added_is_not_taken_out),
		cmocka_unit_test(a_database_needs_an_owner_that_is_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
