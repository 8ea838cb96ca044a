#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

#define MINUTES INT64_C(60000000)
#define WRITTEN "2026-01-02T10:00:00Z"

/* The object was written at WRITTEN, the operator reported at `reported` ("" = never); it is `minutes` after WRITTEN now. */
struct world {
	const char *status, *reported;
	int minutes;
	const char *pods, *claims, *set, *classes, *operators, *busy; /* JSON; NULL = not known */
};

static json_t *object_of(const struct world *world)
{
	json_t *managed = json_pack("[{s:s,s:s,s:{s:{s:{}}}}]", "manager", "pgitops", "time", WRITTEN,
		"fieldsV1", "f:spec", "f:volume");
	if (*world->reported)
		json_array_append_new(managed,
			json_pack("{s:s,s:s,s:s}", "manager", "postgres-operator", "time", world->reported,
				"subresource", "status"));
	return json_pack("{s:{s:s,s:s,s:o},s:{s:{s:s}},s:{s:s}}", "metadata", "name", "db", "namespace", "ns",
		"managedFields", managed, "spec", "volume", "size", "2Gi", "status", "PostgresClusterStatus",
		world->status);
}

/* `expected` are parts of the sentences, each of another one; "|" stands between parts of one. */
static void check(const struct world *world, unsigned asks, const char *const *expected)
{
	struct arena *mem = arena_new(1 << 20);
	const char *texts[] = {
		world->pods, world->claims, world->set, world->classes, world->operators, world->busy};
	json_t *values[COUNT_OF(texts)], *object = object_of(world);
	size_t count, wanted = 0;
	int64_t written;
	assert_true(clock_parse(WRITTEN, &written));
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		values[i] = texts[i] ? read_json(texts[i]) : NULL;
	const struct postgresql_around around = {.object = object,
		.pods = values[0],
		.claims = values[1],
		.set = values[2],
		.classes = values[3],
		.operators = values[4],
		.busy = values[5],
		.now = written + world->minutes * MINUTES};
	assert_int_equal(postgresql_asks(&around), asks);
	const char **told = postgresql_troubles(&around, mem, &count);
	for (; expected[wanted]; wanted++) {
		if (wanted >= count)
			fail_msg("%s is not told", expected[wanted]);
		for (char *rest = arena_copy(mem, expected[wanted]), *part; (part = strsep(&rest, "|"));)
			if (!strstr(told[wanted], part))
				fail_msg("no \"%s\" in: %s", part, told[wanted]);
	}
	if (count != wanted)
		fail_msg("more is told: %s", told[wanted]);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		json_decref(values[i]);
	json_decref(object);
	arena_free(mem);
}

#define WORLD(...)                                                                                           \
	&(struct world)                                                                                      \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define TOLD(asks, of, ...) check(of, asks, (const char *const[]){__VA_ARGS__, NULL})
#define NOTHING(asks, of) check(of, asks, (const char *const[]){NULL})

#define RUNS "\"status\":{\"phase\":\"Running\"}"
#define POD(name, hash, marked)                                                                                   \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"controller-revision-hash\":\"" hash                   \
	"\"},\"annotations\":{\"zalando-postgres-operator-rolling-update-required\":\"" marked "\"},"             \
	"\"managedFields\":[{\"time\":\"2026-01-02T10:01:00Z\",\"fieldsV1\":{\"f:metadata\":{\"f:annotations\":{" \
	"\"f:zalando-postgres-operator-rolling-update-required\":{}}}}}]}," RUNS "}"
#define SET                                                                                                  \
	"{\"metadata\":{\"generation\":3},\"status\":{\"observedGeneration\":3,\"updateRevision\":\"db-2\"}}"
#define OPERATOR "[{\"metadata\":{\"name\":\"op\",\"namespace\":\"ops\"}," RUNS "}]"
#define OPERATOR_DOWN                                                                                        \
	"[{\"metadata\":{\"name\":\"op\",\"namespace\":\"ops\"},\"status\":{\"phase\":\"Pending\"}}]"
#define CLAIM(asked, has, more)                                                                                                               \
	"[{\"metadata\":{\"name\":\"pgdata-db-0\"},\"spec\":{\"storageClassName\":\"fast\",\"resources\":{\"requests\":{\"storage\":\"" asked \
	"\"}}},\"status\":{\"capacity\":{\"storage\":\"" has "\"}" more "}}]"

enum {
	SET_TOO = POSTGRESQL_ASK_SET,
	CLASSES_TOO = POSTGRESQL_ASK_CLASSES,
	OPERATORS_TOO = POSTGRESQL_ASK_OPERATORS
};

#define RUNNING .status = "Running", .reported = "2026-01-02T10:00:30Z", .minutes = 5

static void of_a_cluster_that_is_well_nothing_is_told(void **state)
{
	(void)state;
	NOTHING(0, WORLD(RUNNING));
	NOTHING(0, WORLD(RUNNING, .claims = CLAIM("2Gi", "2Gi", "")));
	NOTHING(0, WORLD(RUNNING, .claims = CLAIM("2100Mi", "2100Mi", "")));
	NOTHING(0, WORLD(RUNNING, .pods = "[" POD("db-0", "db-1", "false") "]", .set = SET));
	NOTHING(0, WORLD(.status = "", .reported = "", .minutes = 1));
	NOTHING(SET_TOO, WORLD(.status = "Updating", .reported = "2026-01-02T10:00:00Z", .minutes = 5));
}

static void an_operator_that_says_nothing_is_told_with_what_is_known_of_it(void **state)
{
	(void)state;
	TOLD(OPERATORS_TOO, WORLD(.status = "", .reported = "", .minutes = 3),
		"has not reported since " WRITTEN
		"|its status: none|annotation|pgitops doctor operator-silent");
	TOLD(OPERATORS_TOO,
		WORLD(.status = "Running", .reported = "2026-01-02T09:00:00Z", .minutes = 3, .operators = "[]"),
		"its status: Running|no Pod of it is in the cluster|manifests/operator.md");
	TOLD(OPERATORS_TOO, WORLD(.status = "", .reported = "", .minutes = 3, .operators = OPERATOR_DOWN),
		"ops/op is its Pod and does not run");
	TOLD(OPERATORS_TOO,
		WORLD(.status = "", .reported = "", .minutes = 3, .operators = OPERATOR,
			.busy = "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"other\"},\"status\":{\"PostgresClusterStatus\":\"Creating\"}}"),
		"ns/other is Creating, and the operator takes up nothing else");
	/* Its periodic sync has applied whatever it missed. */
	NOTHING(0, WORLD(.status = "Running", .reported = "2026-01-02T09:00:00Z", .minutes = 40));
}

static void one_that_works_for_too_long_and_one_that_failed_are_told(void **state)
{
	(void)state;
	TOLD(SET_TOO | OPERATORS_TOO,
		WORLD(.status = "Updating", .reported = "2026-01-02T10:00:01Z", .minutes = 20,
			.operators = OPERATOR),
		"Updating since 2026-01-02T10:00:01Z, longer than|pgitops cluster logs");
	TOLD(SET_TOO | OPERATORS_TOO,
		WORLD(.status = "Creating", .reported = "2026-01-02T10:00:01Z", .minutes = 20,
			.pods = OPERATOR_DOWN),
		"Pod op does not run, and the operator waits for it|pod-does-not-start");
	TOLD(0, WORLD(.status = "SyncFailed", .reported = "2026-01-02T10:01:00Z", .minutes = 5),
		"the operator says SyncFailed since 2026-01-02T10:01:00Z|the Event|within 30 minutes");
	TOLD(0, WORLD(.status = "Invalid", .reported = "2026-01-02T10:01:00Z", .minutes = 5), "TEAM-NAME");
}

static void a_rolling_update_says_who_has_it_and_who_waits(void **state)
{
	(void)state;
	const char *half = "[" POD("db-0", "db-1", "true") "," POD("db-1", "db-2", "false") "]";
	TOLD(SET_TOO,
		WORLD(.status = "Updating", .reported = "2026-01-02T10:00:00Z", .minutes = 5, .pods = half),
		"a rolling update is under way since 2026-01-02T10:01:00Z: db-1 has the new Pod template, db-0 waits|nothing to do");
	TOLD(SET_TOO | OPERATORS_TOO, WORLD(RUNNING, .pods = half, .operators = OPERATOR),
		"goes on with its next sync, within 30 minutes");
	TOLD(SET_TOO | OPERATORS_TOO, WORLD(RUNNING, .pods = half, .operators = "[]"),
		"no Pod of it is in the cluster");
	TOLD(SET_TOO | OPERATORS_TOO,
		WORLD(.status = "SyncFailed", .reported = "2026-01-02T10:00:30Z", .minutes = 5, .pods = half),
		"says SyncFailed", "db-0 waits: SyncFailed has ended it for now");
	TOLD(SET_TOO | OPERATORS_TOO,
		WORLD(.status = "Running", .reported = "2026-01-02T10:00:30Z", .minutes = 80, .pods = half),
		"do not go on with it|kubectl delete pod");
	/* By its revision alone while the operator is at work; not before the StatefulSet's controller has looked. */
	const char *all = "[" POD("db-0", "db-1", "") "," POD("db-1", "db-1", "") "]";
	TOLD(SET_TOO,
		WORLD(.status = "Updating", .reported = "2026-01-02T10:00:00Z", .minutes = 5, .pods = all,
			.set = SET),
		"since " WRITTEN ": db-0, db-1 wait for the new Pod template");
	NOTHING(SET_TOO,
		WORLD(.status = "Updating", .reported = "2026-01-02T10:00:00Z", .minutes = 5, .pods = all,
			.set = "{\"metadata\":{\"generation\":4},\"status\":{\"observedGeneration\":3,\"updateRevision\":\"db-2\"}}"));
}

#define CONDITION(type, text)                                                                                \
	",\"conditions\":[{\"type\":\"" type "\",\"status\":\"True\",\"message\":\"" text                    \
	"\",\"lastTransitionTime\":\"2026-01-02T10:02:00Z\"}]"

static void a_volume_that_does_not_grow_says_who_does_not_let_it(void **state)
{
	(void)state;
	const char *small = CLAIM("1Gi", "1Gi", "");
	const char *classes =
		"[{\"metadata\":{\"name\":\"slow\"},\"allowVolumeExpansion\":true},{\"metadata\":{\"name\":\"fast\"}}]";
	TOLD(CLASSES_TOO, WORLD(RUNNING, .claims = small, .classes = classes),
		"volume claim pgdata-db-0: its StorageClass lets no volume grow|since " WRITTEN
		"|2Gi is wanted, it has 1Gi (StorageClass \"fast\")|allowVolumeExpansion: true|shrink-volume");
	TOLD(CLASSES_TOO, WORLD(RUNNING, .claims = small),
		"the operator has not asked for more|storage_resize_mode");
	NOTHING(SET_TOO | CLASSES_TOO,
		WORLD(.status = "Updating", .reported = WRITTEN, .minutes = 1, .claims = small));
	TOLD(0, WORLD(RUNNING, .claims = CLAIM("2Gi", "1Gi", "")), "nothing makes it grow|resizer");
	TOLD(0, WORLD(RUNNING, .claims = CLAIM("2Gi", "1Gi", CONDITION("Resizing", ""))),
		"it is growing since 2026-01-02T10:02:00Z: 2Gi is wanted, it has 1Gi");
	TOLD(0, WORLD(RUNNING, .claims = CLAIM("2Gi", "1Gi", CONDITION("FileSystemResizePending", "wait"))),
		"its file system has not since 2026-01-02T10:02:00Z|kubectl delete pod");
	TOLD(0, WORLD(RUNNING, .claims = CLAIM("2Gi", "1Gi", CONDITION("ControllerResizeError", "no room"))),
		"its storage refuses to let it grow (no room) since 2026-01-02T10:02:00Z");
	TOLD(0,
		WORLD(RUNNING,
			.claims = CLAIM("2Gi", "1Gi",
				",\"allocatedResourceStatuses\":{\"storage\":\"NodeResizeInfeasible\"}")),
		"its storage refuses to let it grow since");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_cluster_that_is_well_nothing_is_told),
		cmocka_unit_test(an_operator_that_says_nothing_is_told_with_what_is_known_of_it),
		cmocka_unit_test(one_that_works_for_too_long_and_one_that_failed_are_told),
		cmocka_unit_test(a_rolling_update_says_who_has_it_and_who_waits),
		cmocka_unit_test(a_volume_that_does_not_grow_says_who_does_not_let_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
