/*
 * No change of an Application is lost, however busy the reconciler is, and only the newest of each waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <string.h>
#include <cmocka.h>

#include "agent/loop/inbox.h"

static void put(struct inbox *inbox, const char *name, int version, bool gone)
{
	CLEANUP(json_done)
	json_t *document = json_pack("{s:{s:s, s:i}}", "metadata", "name", name, "generation", version);
	inbox_put(inbox, document, gone);
}

static void assert_next(struct inbox *inbox, const char *name, int version, bool gone)
{
	struct application_event event;
	assert_true(inbox_take(inbox, &event));
	assert_string_equal(json_text_at(event.document, "metadata.name", ""), name);
	assert_int_equal(json_number_at(event.document, "metadata.generation", -1), version);
	assert_int_equal(event.gone, gone);
	json_decref(event.document);
}

static void the_newest_of_each_name_waits(void **state)
{
	(void)state;
	struct inbox *inbox = inbox_new();
	struct application_event event;
	put(inbox, "users", 1, false);
	put(inbox, "cluster", 1, false);
	put(inbox, "team", 1, false);
	put(inbox, "users", 2, false);
	put(inbox, "cluster", 2, true);
	assert_next(inbox, "cluster", 2, true);
	put(inbox, "cluster", 3, false);
	assert_next(inbox, "cluster", 3, false);
	assert_next(inbox, "team", 1, false);
	assert_next(inbox, "users", 2, false);
	assert_false(inbox_take(inbox, &event));
	inbox_free(inbox);
}

static void what_nobody_took_is_freed(void **state)
{
	(void)state;
	struct inbox *inbox = inbox_new();
	put(inbox, "users", 1, false);
	inbox_free(inbox);
	inbox_free(NULL);
}

enum { NAMES = 20, VERSIONS = 200 };

static void *change_them(void *context)
{
	for (int version = 1; version <= VERSIONS; version++)
		for (int name = 0; name < NAMES; name++)
			put(context, (const char[]){(char)('a' + name), 0}, version, false);
	return NULL;
}

static void a_watch_may_be_faster_than_the_taker(void **state)
{
	(void)state;
	struct inbox *inbox = inbox_new();
	struct application_event event;
	int64_t last[NAMES] = {0};
	pthread_t watch;
	size_t whole = 0;

	assert_int_equal(pthread_create(&watch, NULL, change_them, inbox), 0);
	while (whole < NAMES) {
		if (!inbox_take(inbox, &event))
			continue;
		size_t name = (size_t)(json_text_at(event.document, "metadata.name", "")[0] - 'a');
		int64_t version = json_number_at(event.document, "metadata.generation", -1);
		assert_true(version > last[name]);
		last[name] = version;
		whole += version == VERSIONS;
		json_decref(event.document);
	}
	pthread_join(watch, NULL);
	inbox_free(inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_each_name_waits),
		cmocka_unit_test(what_nobody_took_is_freed),
		cmocka_unit_test(a_watch_may_be_faster_than_the_taker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
