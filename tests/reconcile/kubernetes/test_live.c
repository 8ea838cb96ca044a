#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/kubernetes/live.h"

static const struct object_key maps = {"", "ConfigMap", "team", ""};

static json_t *config_map(const char *name, const char *uid, const char *version, const char *tracking)
{
	json_t *object = json_pack("{s:{s:s, s:s, s:s, s:{}}}", "metadata", "name", name, "uid", uid,
		"resourceVersion", version, "annotations");
	if (tracking)
		json_object_set_new(json_at(object, "metadata.annotations"), "argocd.argoproj.io/tracking-id",
			json_string(tracking));
	return object;
}

struct fixture {
	struct live_cache *cache;
	struct live_collection *collection;
	struct arena *mem;
};

static int set_up(void **state)
{
	struct fixture *fixture = memory_alloc(sizeof(*fixture));
	fixture->cache = live_new();
	fixture->collection = live_add_collection(fixture->cache, &maps);
	fixture->mem = arena_new(1 << 20);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	live_free(fixture->cache);
	arena_free(fixture->mem);
	free(fixture);
	return 0;
}

static struct live_change put(struct fixture *f, const char *name, const char *uid, const char *version,
	const char *tracking, enum live_source source)
{
	json_t *object = config_map(name, uid, version, tracking);
	struct live_change change = live_put(f->cache, f->collection, object, source);
	json_decref(object);
	return change;
}

static size_t bytes(struct fixture *f)
{
	struct live_counts counts;
	live_count(f->cache, &counts);
	return counts.bytes;
}

/* Each name by a tracker of its own. */
static bool track(struct fixture *f, const char *name)
{
	struct live_claimant *tracker = live_track_begin(f->cache, name);
	bool unanswered = live_track(f->cache, tracker, f->collection, name);
	live_track_end(f->cache, tracker);
	return unanswered;
}

static const char *version_of(struct fixture *f, const char *name)
{
	struct object_key key = maps;
	struct live live;
	key.name = name;
	return live_get(f->cache, &key, f->mem, &live) ? live.resource_version : "";
}

static void nobody(void *context, const struct object_key *key, const char *application)
{
	(void)key;
	(void)application;
	(*(int *)context)++;
}

static int list_end_at(struct fixture *f, const char *version)
{
	int gone = 0;
	live_list_end(f->cache, f->collection, version, nobody, &gone);
	return gone;
}

static int list_end(struct fixture *f)
{
	return list_end_at(f, "2");
}

static bool removed(struct fixture *f, const char *name, const char *uid, const char *version)
{
	json_t *object = config_map(name, uid, version, NULL);
	bool news = live_remove(f->cache, f->collection, object).news;
	json_decref(object);
	return news;
}

static void only_tracked_or_marked_objects_are_kept(void **state)
{
	struct fixture *f = *state;
	assert_false(track(f, "wanted"));
	put(f, "wanted", "1", "1", NULL, LIVE_WATCHED);
	put(f, "marked", "2", "2", "app:/ConfigMap:team/marked", LIVE_WATCHED);
	put(f, "foreign", "3", "3", NULL, LIVE_WATCHED);
	assert_string_equal(version_of(f, "wanted"), "1");
	assert_string_equal(version_of(f, "marked"), "2");
	assert_string_equal(version_of(f, "foreign"), "");
}

static void a_key_tracked_after_the_list_must_be_asked_for(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	list_end(f);
	assert_true(track(f, "late"));
	live_answered(f->cache, f->collection, "late");
	assert_false(track(f, "late"));
}

static void a_key_tracked_within_the_first_list_must_be_asked_for_when_something_was_passed_over(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	put(f, "marked", "1", "1", "app:/ConfigMap:team/marked", LIVE_LISTED);
	assert_false(track(f, "early"));
	put(f, "late", "2", "2", NULL, LIVE_LISTED);
	assert_true(track(f, "late"));
	assert_false(track(f, "early"));
}

static void whoever_waits_for_a_list_is_told_or_has_it_already(void **state)
{
	struct fixture *f = *state;
	int gone = 0;
	assert_true(live_await(f->cache, f->collection));
	live_list_begin(f->cache, f->collection);
	assert_true(live_list_end(f->cache, f->collection, "2", nobody, &gone));
	assert_false(live_await(f->cache, f->collection));
	live_list_begin(f->cache, f->collection);
	assert_false(live_list_end(f->cache, f->collection, "3", nobody, &gone));
	live_moved(f->cache, f->collection);
	assert_true(live_await(f->cache, f->collection));
}

static void a_key_whose_question_had_no_answer_is_asked_for_again(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	list_end(f);
	assert_true(track(f, "late"));
	assert_true(track(f, "late"));
	/* The watch was quicker than the answer that never came. */
	put(f, "late", "1", "3", NULL, LIVE_WATCHED);
	assert_string_equal(version_of(f, "late"), "3");
	assert_false(track(f, "late"));
}

static void an_answer_is_newer_than_the_event_that_follows(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	list_end(f);
	put(f, "a", "u", "10", "app:/ConfigMap:team/a", LIVE_WRITTEN);
	assert_false(put(f, "a", "u", "9", "app:/ConfigMap:team/a", LIVE_WATCHED).news);
	assert_string_equal(version_of(f, "a"), "10");
	assert_false(put(f, "a", "u", "10", "app:/ConfigMap:team/a", LIVE_WATCHED).news);
	assert_true(put(f, "a", "u", "11", "app:/ConfigMap:team/a", LIVE_WATCHED).news);
	/* Made anew under the same name, and a restored server whose numbers start over: the list is the truth. */
	assert_true(put(f, "a", "other", "12", "app:/ConfigMap:team/a", LIVE_WATCHED).news);
	live_list_begin(f->cache, f->collection);
	put(f, "a", "other", "3", "app:/ConfigMap:team/a", LIVE_LISTED);
	assert_int_equal(list_end_at(f, "4"), 0);
	assert_string_equal(version_of(f, "a"), "3");
}

static void a_complete_list_drops_what_it_does_not_have(void **state)
{
	struct fixture *f = *state;
	put(f, "a", "1", "1", "app:/ConfigMap:team/a", LIVE_WATCHED);
	put(f, "b", "2", "2", "app:/ConfigMap:team/b", LIVE_WATCHED);
	live_list_begin(f->cache, f->collection); /* fails half-way: nothing happens */
	put(f, "a", "1", "1", "app:/ConfigMap:team/a", LIVE_LISTED);
	assert_string_equal(version_of(f, "b"), "2");
	live_list_begin(f->cache, f->collection);
	put(f, "a", "1", "1", "app:/ConfigMap:team/a", LIVE_LISTED);
	put(f, "w", "3", "3", "app:/ConfigMap:team/w", LIVE_WRITTEN); /* written while the list ran */
	assert_int_equal(list_end(f), 1);
	assert_string_equal(version_of(f, "a"), "1");
	assert_string_equal(version_of(f, "b"), "");
	assert_string_equal(version_of(f, "w"), "3");
}

#define MARK(name) "app:/ConfigMap:team/" name

/* The answers of a run of thousands are looked at together: by then the watch may have told more. */
static void an_answer_does_not_revive_what_the_watch_saw_deleted(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	list_end_at(f, "5");
	put(f, "a", "u", "10", MARK("a"), LIVE_WATCHED);
	assert_true(removed(f, "a", "u", "11"));
	assert_false(put(f, "a", "u", "10", MARK("a"), LIVE_WRITTEN).news);
	assert_string_equal(version_of(f, "a"), "");
	/* The same for a name that is tracked, and when the watch saw another object of the name. */
	track(f, "t");
	put(f, "t", "u", "12", MARK("t"), LIVE_WATCHED);
	removed(f, "t", "u", "13");
	put(f, "t", "u", "12", MARK("t"), LIVE_WRITTEN);
	assert_string_equal(version_of(f, "t"), "");
	put(f, "t", "v", "14", MARK("t"), LIVE_WATCHED);
	put(f, "t", "u", "12", MARK("t"), LIVE_WRITTEN);
	assert_string_equal(version_of(f, "t"), "14");
	/* What was made after all that is there. */
	put(f, "a", "w", "15", MARK("a"), LIVE_WRITTEN);
	assert_string_equal(version_of(f, "a"), "15");
}

static void an_answer_does_not_revive_what_a_list_did_not_bring(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	put(f, "early", "u", "3", MARK("early"), LIVE_WRITTEN); /* made and deleted before the list was taken */
	put(f, "late", "u", "9", MARK("late"), LIVE_WRITTEN);   /* made after it was taken */
	assert_int_equal(list_end_at(f, "5"), 1);
	assert_string_equal(version_of(f, "early"), "");
	assert_string_equal(version_of(f, "late"), "9");
	put(f, "early", "u", "3", MARK("early"), LIVE_WRITTEN);
	assert_string_equal(version_of(f, "early"), "");
}

static void a_question_about_a_new_name_is_older_than_its_deletion(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	list_end_at(f, "20");
	track(f, "a");
	put(f, "a", "u", "4", NULL, LIVE_READ); /* there before anybody asked */
	assert_string_equal(version_of(f, "a"), "4");
	track(f, "b");
	removed(f, "b", "u", "21");
	put(f, "b", "u", "5", NULL, LIVE_READ);
	assert_string_equal(version_of(f, "b"), "");
}

/* etcd restored from a backup: the list is older than all that is known, and the truth. */
static void a_list_of_the_past_is_believed(void **state)
{
	struct fixture *f = *state;
	live_list_begin(f->cache, f->collection);
	put(f, "kept", "u", "100", MARK("kept"), LIVE_LISTED);
	put(f, "ghost", "g", "150", MARK("ghost"), LIVE_LISTED);
	list_end_at(f, "200");
	live_list_begin(f->cache, f->collection);
	put(f, "kept", "u", "40", MARK("kept"), LIVE_LISTED);
	assert_int_equal(list_end_at(f, "50"), 1);
	assert_string_equal(version_of(f, "kept"), "40");
	assert_string_equal(version_of(f, "ghost"), "");
	assert_true(put(f, "kept", "u", "51", MARK("kept"), LIVE_WATCHED).news);
	put(f, "new", "n", "52", MARK("new"), LIVE_WRITTEN);
	assert_string_equal(version_of(f, "new"), "52");
}

static void a_lost_mark_is_news_for_the_application_it_named(void **state)
{
	struct fixture *f = *state;
	put(f, "a", "1", "1", "app:/ConfigMap:team/a", LIVE_WATCHED);
	struct live_change change = put(f, "a", "1", "2", NULL, LIVE_WATCHED);
	assert_true(change.news);
	assert_string_equal(change.application, "app");
	assert_string_equal(version_of(f, "a"), "");
}

static void a_deletion_of_an_earlier_object_of_this_name_is_none(void **state)
{
	struct fixture *f = *state;
	put(f, "a", "new", "5", "app:/ConfigMap:team/a", LIVE_WATCHED);
	json_t *old = config_map("a", "old", "4", NULL);
	assert_false(live_remove(f->cache, f->collection, old).news);
	assert_string_equal(version_of(f, "a"), "5");
	json_decref(old);
}

static void a_thousand_objects_cost_less_than_half_a_mebibyte(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 1000; i++) {
		char name[32], tracking[64];
		snprintf(name, sizeof(name), "settings-of-something-%04d", i);
		snprintf(tracking, sizeof(tracking), "application:/ConfigMap:team/%s", name);
		put(f, name, "4f1a1b52-6b0c-4c3f-9b2e-6f7f3b1c0001", "123456", tracking, LIVE_WATCHED);
	}
	assert_true(bytes(f) < 512 * 1024);
	size_t count;
	live_owned(f->cache, "application", "team", f->mem, &count);
	assert_int_equal(count, 1000);
	live_clear(f->cache, f->collection);
	live_owned(f->cache, "application", "team", f->mem, &count);
	assert_int_equal(count, 0);
}

static void track_all(struct fixture *f, const char *tracker, const char *const *names)
{
	struct live_claimant *claimant = live_track_begin(f->cache, tracker);
	for (; *names; names++)
		live_track(f->cache, claimant, f->collection, *names);
	live_track_end(f->cache, claimant);
}

static struct live_counts counts_of(struct fixture *f)
{
	struct live_counts counts;
	live_count(f->cache, &counts);
	return counts;
}

static void what_a_tracker_does_not_name_again_is_let_go(void **state)
{
	struct fixture *f = *state;
	size_t before = bytes(f);
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "of-commit-%d", i);
		track_all(f, "app", (const char *const[]){"stays", name, name, NULL});
		assert_int_equal(counts_of(f).tracked, 2);
		assert_int_equal(f->collection->tracked, 2);
	}
	live_untrack(f->cache, "app");
	live_untrack(f->cache, "nobody");
	assert_int_equal(counts_of(f).tracked, 0);
	assert_int_equal(f->collection->tracked, 0);
	assert_int_equal(bytes(f), before);
}

static void what_another_tracker_names_stays(void **state)
{
	struct fixture *f = *state;
	track_all(f, "app", (const char *const[]){"both", "ours", NULL});
	track_all(f, "preview", (const char *const[]){"both", "theirs", NULL});
	put(f, "both", "1", "1", NULL, LIVE_WATCHED);
	put(f, "theirs", "2", "2", NULL, LIVE_WATCHED);
	live_untrack(f->cache, "preview");
	assert_string_equal(version_of(f, "both"), "1");
	assert_string_equal(version_of(f, "theirs"), "");
	assert_int_equal(counts_of(f).tracked, 2);
	/* It was there: whoever tracks it next has to ask. */
	assert_true(track(f, "theirs"));
	live_untrack(f->cache, "app");
	assert_string_equal(version_of(f, "both"), "");
}

/* Of a kind that nobody wants any more, objects come back with a backup of etcd. */
static void where_a_tracker_has_had_objects_is_held(void **state)
{
	struct fixture *f = *state;
	put(f, "a", "1", "1", MARK("a"), LIVE_WATCHED);
	assert_false(live_is_held(f->cache, f->collection)); /* of whom we know nothing */
	track_all(f, "app", (const char *const[]){"a", NULL});
	assert_true(live_is_held(f->cache, f->collection));
	put(f, "a", "1", "2", NULL, LIVE_WATCHED);
	track_all(f, "app", (const char *const[]){NULL});
	assert_int_equal(f->collection->tracked, 0);
	assert_true(live_is_held(f->cache, f->collection));
	live_untrack(f->cache, "app");
	assert_false(live_is_held(f->cache, f->collection));
}

static void what_was_only_looked_at_is_not_held(void **state)
{
	struct fixture *f = *state;
	track_all(f, "preview", (const char *const[]){"a", NULL});
	put(f, "a", "1", "1", MARK("a"), LIVE_WATCHED);
	assert_false(live_is_held(f->cache, f->collection));
	live_untrack(f->cache, "preview");
}

static void what_carries_a_mark_stays_when_nobody_tracks_it(void **state)
{
	struct fixture *f = *state;
	track_all(f, "preview", (const char *const[]){"a", NULL});
	put(f, "a", "1", "1", MARK("a"), LIVE_WATCHED);
	live_untrack(f->cache, "preview");
	assert_string_equal(version_of(f, "a"), "1");
	put(f, "a", "1", "2", NULL, LIVE_WATCHED); /* the mark is taken away */
	assert_int_equal(counts_of(f).objects, 0);
}

/* An object is among those of the Application that its mark names now. */
static void a_mark_that_changes_changes_the_owner(void **state)
{
	struct fixture *f = *state;
	size_t count;
	put(f, "a", "1", "1", "one:/ConfigMap:team/a", LIVE_WATCHED);
	put(f, "b", "2", "2", "one:/ConfigMap:team/b", LIVE_WATCHED);
	put(f, "a", "1", "3", "two:/ConfigMap:team/a", LIVE_WATCHED);
	live_owned(f->cache, "one", "team", f->mem, &count);
	assert_int_equal(count, 1);
	live_owned(f->cache, "two", "team", f->mem, &count);
	assert_int_equal(count, 1);
	removed(f, "b", "2", "4");
	live_owned(f->cache, "one", "team", f->mem, &count);
	assert_int_equal(count, 0);
}

static void fill(struct fixture *f, const char *application, int count)
{
	for (int i = 0; i < count; i++) {
		char name[64], tracking[128];
		snprintf(name, sizeof(name), "%s-%d", application, i);
		snprintf(tracking, sizeof(tracking), "%s:/ConfigMap:team/%s", application, name);
		put(f, name, "u", "7", tracking, LIVE_WATCHED);
	}
}

static void a_question_looks_at_no_more_than_its_answer(void **state)
{
	struct fixture *f = *state;
	size_t count;
	fill(f, "large", 5000);
	fill(f, "small", 10);
	uint64_t before = counts_of(f).looked_at;
	live_owned(f->cache, "small", "team", f->mem, &count);
	assert_int_equal(count, 10);
	assert_int_equal(counts_of(f).looked_at - before, 10);
}

static void a_collection_among_hundreds_is_found_at_once(void **state)
{
	struct fixture *f = *state;
	char name[400][32];
	for (int i = 0; i < 400; i++) {
		snprintf(name[i], sizeof(name[i]), "team-%d", i);
		const struct object_key key = {"", "ConfigMap", name[i], ""};
		live_add_collection(f->cache, &key);
	}
	uint64_t before = counts_of(f).looked_at;
	for (int i = 0; i < 400; i++) {
		const struct object_key key = {"", "ConfigMap", name[i], ""};
		struct live_collection *found = live_find_collection(f->cache, &key);
		assert_string_equal(found->namespace, name[i]);
	}
	assert_true(counts_of(f).looked_at - before < 1000);
	for (int i = 0; i < 400; i += 2) {
		const struct object_key key = {"", "ConfigMap", name[i], ""};
		live_drop_collection(f->cache, live_find_collection(f->cache, &key));
		assert_null(live_find_collection(f->cache, &key));
	}
	assert_int_equal(counts_of(f).collections, 201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_tracked_or_marked_objects_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_tracked_after_the_list_must_be_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_tracked_within_the_first_list_must_be_asked_for_when_something_was_passed_over,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			whoever_waits_for_a_list_is_told_or_has_it_already, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_whose_question_had_no_answer_is_asked_for_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_is_newer_than_the_event_that_follows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_complete_list_drops_what_it_does_not_have, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_does_not_revive_what_the_watch_saw_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_does_not_revive_what_a_list_did_not_bring, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_question_about_a_new_name_is_older_than_its_deletion, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_of_the_past_is_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lost_mark_is_news_for_the_application_it_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_deletion_of_an_earlier_object_of_this_name_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_thousand_objects_cost_less_than_half_a_mebibyte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_tracker_does_not_name_again_is_let_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_a_tracker_has_had_objects_is_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_only_looked_at_is_not_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_another_tracker_names_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_carries_a_mark_stays_when_nobody_tracks_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mark_that_changes_changes_the_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_question_looks_at_no_more_than_its_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_collection_among_hundreds_is_found_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
