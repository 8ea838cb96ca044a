/*
 * What the agent's parts share: Applications by name, what a sync aims at, content that several hold, and questions for other content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/agent.h"

static struct content *content_new(const char *commit, const char *hash)
{
	struct arena *mem = arena_new(1u << 20);
	struct content *content = arena_alloc(mem, sizeof(*content));
	*content = (struct content){.references = 1, .mem = mem};
	memcpy(content->commit, commit, strlen(commit) + 1);
	memcpy(content->source_hash, hash, strlen(hash) + 1);
	return content;
}

static void an_application_is_found_by_its_whole_name(void **state)
{
	(void)state;
	struct app a = {.spec.name = "shop"}, b = {.spec.name = "shop-users"};
	struct app *apps[] = {&a, &b};
	struct agent agent = {.apps = apps, .app_count = 2};
	assert_ptr_equal(agent_app(&agent, "shop-users"), &b);
	assert_ptr_equal(agent_app(&agent, "shop"), &a);
	assert_null(agent_app(&agent, "sho"));
	assert_null(agent_app(&agent, ""));
}

static void a_target_is_commit_and_source_and_begins_with_the_commit(void **state)
{
	(void)state;
	struct content *content = content_new("0123456789012345678901234567890123456789", "fedcba9876543210");
	struct app app = {0};
	char commit[COMMITS_SIZE];
	content_target(content, app.synced);
	assert_string_equal(app.synced, "0123456789012345678901234567890123456789 fedcba9876543210");
	app_synced_commit(&app, commit);
	assert_string_equal(commit, content->commit);
	app = (struct app){0};
	app_synced_commit(&app, commit);
	assert_string_equal(commit, "");
	content_release(content);
}

static void content_of_another_source_is_not_current(void **state)
{
	(void)state;
	struct app app = {.source_hash = "one"};
	assert_false(app_content_is_current(&app));
	app.content = content_new("c", "one");
	assert_true(app_content_is_current(&app));
	memcpy(app.source_hash, "two", sizeof("two"));
	assert_false(app_content_is_current(&app));
	content_release(app.content);
}

/* The sanitizers see one that goes too early, or never. */
static void content_goes_with_the_last_who_holds_it(void **state)
{
	(void)state;
	struct content *content = content_new("c", "h");
	assert_ptr_equal(content_hold(content), content);
	content_release(content);
	assert_string_equal(content->commit, "c");
	content_release(content);
	content_release(NULL);
}

static void a_lookup_is_a_copy_with_an_id_of_its_own(void **state)
{
	(void)state;
	struct app app = {0};
	char revision[] = "v1.2";
	json_t *source = json_pack("{s:s}", "path", "a");
	struct lookup *first = lookup_commits(&app, revision, source);
	struct lookup *second = lookup_commits(&app, "main,v2", NULL);
	revision[0] = 'x';
	json_object_set_new(source, "path", json_string("b"));
	assert_int_equal(first->part_count, 1);
	assert_string_equal(first->parts[0].revision, "v1.2");
	assert_int_equal(second->part_count, 2);
	assert_string_equal(second->parts[1].revision, "v2");
	assert_string_equal(json_text_at(first->source, "path", ""), "a");
	assert_null(second->source);
	assert_true(first->id != second->id && first->id && second->id);
	const uint64_t id = first->id;
	lookup_drop(&app, first);
	assert_ptr_equal(app.lookups, second);
	assert_null(second->next);
	struct lookup *third = lookup_commits(&app, "main,v2", NULL);
	assert_true(third->id != id && third->id > second->id); /* a late answer to the first is not its */
	lookup_drop(&app, second);
	lookup_drop(&app, third);
	assert_null(app.lookups);
	json_decref(source);
}

static void a_lookup_takes_its_answer_along(void **state)
{
	(void)state;
	struct app app = {0};
	struct lookup *lookup = lookup_commits(&app, "main,v2", NULL);
	lookup->content = content_new("c", "h");
	struct content *held = content_hold(lookup->content);
	lookup_drop(&app, lookup);
	assert_int_equal(held->references, 1);
	content_release(held);
}

static void knowledge_that_is_old_says_why(void **state)
{
	(void)state;
	struct agent agent = {.cluster_stale = "silent for 10s"};
	struct error why;
	assert_true(agent_cluster_stale(&agent, &why));
	assert_string_equal(why.text, "silent for 10s");
	assert_int_equal(why.kind, ERROR_RETRY);
	agent.cluster_stale[0] = '\0';
	assert_false(agent_cluster_stale(&agent, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_application_is_found_by_its_whole_name),
		cmocka_unit_test(a_target_is_commit_and_source_and_begins_with_the_commit),
		cmocka_unit_test(content_of_another_source_is_not_current),
		cmocka_unit_test(content_goes_with_the_last_who_holds_it),
		cmocka_unit_test(a_lookup_is_a_copy_with_an_id_of_its_own),
		cmocka_unit_test(a_lookup_takes_its_answer_along),
		cmocka_unit_test(knowledge_that_is_old_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
