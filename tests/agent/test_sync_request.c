#include "agent/config/sync_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static json_t *parse(const char *text)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(text, strlen(text), &value, &err))
		fail_msg("%s: %s", text, err.text);
	return value;
}

static struct sync_request *read_good(const char *text)
{
	CLEANUP(json_done) json_t *operation = parse(text);
	struct sync_request *request = NULL;
	struct error err;
	if (!sync_request_read(operation, &request, &err))
		fail_msg("%s: %s", text, err.text);
	return request;
}

static void a_sync_without_a_word_asks_for_what_the_application_says(void **state)
{
	(void)state;
	static const char *const plain[] = {"{\"sync\":{}}",
		"{\"sync\":{\"prune\":false,\"revision\":\"\",\"resources\":null,\"manifests\":[],\"sources\":null,"
		"\"syncStrategy\":{\"hook\":{}}},\"info\":null,\"retry\":null,\"initiatedBy\":{}}"};
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		struct sync_request *request = read_good(plain[i]);
		assert_false(request->automated || request->heal || request->prune || request->dry_run ||
			request->force || request->apply_only || request->retry.given);
		assert_null(request->revision);
		assert_null(request->source);
		assert_null(request->info);
		assert_int_equal(request->resource_count, 0);
		assert_int_equal(request->option_count, 0);
		assert_int_equal(request->rollback_id, -1);
		assert_string_equal(request->by, "kubectl");
		sync_request_free(request);
	}
}

static void several_sources_have_lists(void **state)
{
	(void)state;
	struct error err;
	struct sync_request *request =
		read_good("{\"sync\":{\"revisions\":[\"\",\"v1\"],\"source\":{\"path\":\"x\"},"
			  "\"sources\":[{\"path\":\"a\"},{\"path\":\"b\"}]}}");
	assert_int_equal(request->revision_count, 2);
	assert_string_equal(request->revisions[1], "v1");
	assert_null(request->positions);
	assert_int_equal(json_array_size(request->source), 2); /* the list wins, as in the spec */
	json_done(&request->document);
	CLEANUP(json_done) json_t *document = sync_request_document(request);
	assert_int_equal(json_array_size(json_at(document, "sync.revisions")), 2);
	assert_int_equal(json_array_size(json_at(document, "sync.sources")), 2);
	assert_null(json_at(document, "sync.source"));

	CLEANUP(json_done)
	json_t *good = json_pack("[i, i]", 3, 1), *twice = json_pack("[i, i]", 1, 1),
	       *few = json_pack("[i]", 1), *none = json_pack("[i, i]", 0, 1);
	assert_true(sync_request_place(request, good, &err));
	assert_int_equal(request->positions[0], 3);
	assert_false(sync_request_place(request, twice, &err));
	assert_string_equal(err.text, "sourcePositions has 1 twice");
	assert_false(sync_request_place(request, few, &err));
	assert_string_equal(err.text, "there are 2 revisions and 1 sourcePositions: one for each");
	assert_false(sync_request_place(request, none, &err));
	assert_string_equal(err.text, "sourcePositions must hold numbers, from 1");
	sync_request_free(request);
}

static void every_supported_field_is_read(void **state)
{
	(void)state;
	struct sync_request *request = read_good(
		"{\"sync\":{\"revision\":\"v1\",\"prune\":true,\"dryRun\":true,\"autoHealAttemptsCount\":3,"
		"\"syncStrategy\":{\"hook\":{\"force\":true}},\"source\":{\"repoURL\":\"https://h/x\",\"path\":\"a\"},"
		"\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"a\"},"
		"{\"group\":\"apps\",\"kind\":\"Deployment\",\"namespace\":\"n\",\"name\":\"b\"}],"
		"\"syncOptions\":[\"PruneLast=true\",\"CreateNamespace=true\"]},"
		"\"initiatedBy\":{\"username\":\"ann\"},\"info\":[{\"name\":\"ticket\",\"value\":\"7\"}],"
		"\"retry\":{\"limit\":-3,\"refresh\":true,\"backoff\":{\"duration\":\"10\",\"factor\":3,\"maxDuration\":\"1m\"}}}");
	assert_string_equal(request->revision, "v1");
	assert_true(request->prune && request->dry_run && request->force && !request->apply_only);
	assert_string_equal(json_text_at(request->source, "path", ""), "a");
	assert_int_equal(request->resource_count, 2);
	assert_string_equal(request->resources[0].group, "");
	assert_string_equal(request->resources[1].namespace, "n");
	assert_int_equal(request->option_count, 2);
	assert_string_equal(request->options[1], "CreateNamespace=true");
	assert_string_equal(request->by, "ann");
	assert_string_equal(json_text_at(json_array_get(request->info, 0), "name", ""), "ticket");
	assert_true(request->retry.given && request->retry.refresh && request->retry.factor == 3.0);
	assert_int_equal(request->retry.limit, -1);
	assert_int_equal(request->retry.duration, 10000);
	assert_int_equal(request->retry.max, 60000);
	sync_request_free(request);
}

/* `argocd app rollback` writes it so. */
static void an_empty_apply_strategy_leaves_the_hooks_out(void **state)
{
	(void)state;
	struct sync_request *request =
		read_good("{\"sync\":{\"revision\":\"0123\",\"syncStrategy\":{\"apply\":{}}},\"retry\":{}}");
	assert_true(request->apply_only && !request->force);
	assert_true(request->retry.given);
	assert_int_equal(request->retry.limit, 0);
	assert_int_equal(request->retry.duration, 5000);
	assert_int_equal(request->retry.max, 180000);
	sync_request_free(request);
}

static void what_is_not_obeyed_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *operation, *text;
	} cases[] = {
		{"[]", "operation must be an object"},
		{"{}", "invalid operation: sync is missing; `sync: {}` asks for a plain sync"},
		{"{\"sync\":null}", "invalid operation: sync is missing; `sync: {}` asks for a plain sync"},
		{"{\"sync\":[1]}", "operation.sync must be an object"},
		{"{\"sync\":{},\"sinc\":1}", "operation.sinc: there is no such field, did you mean \"sync\"?"},
		{"{\"sync\":{\"manifests\":[\"a\"]}}",
			"operation.sync.manifests is not supported: what is applied stands in Git"},
		{"{\"sync\":{\"revisions\":\"a\"}}", "operation.sync.revisions must be a list"},
		{"{\"sync\":{\"revisions\":[7]}}", "operation.sync.revisions must hold strings"},
		{"{\"sync\":{\"sources\":{\"path\":\"a\"}}}", "operation.sync.sources must be a list"},
		{"{\"sync\":{\"prune\":\"yes\"}}", "operation.sync.prune must be true or false"},
		{"{\"sync\":{\"revision\":7}}", "operation.sync.revision must be a string"},
		{"{\"sync\":{\"resources\":[{\"kind\":\"A\"}]}}", "operation.sync.resources[0] has no name"},
		{"{\"sync\":{\"resources\":[{\"name\":\"A\"}]}}", "operation.sync.resources[0] has no kind"},
		{"{\"sync\":{\"resources\":[\"A\"]}}", "operation.sync.resources[0] must be an object"},
		{"{\"sync\":{\"resources\":[{\"kind\":\"A\",\"name\":\"b\",\"names\":\"c\"}]}}",
			"operation.sync.resources[0].names: there is no such field, did you mean \"name\"?"},
		{"{\"sync\":{\"syncStrategy\":{\"blow\":{}}}}",
			"operation.sync.syncStrategy.blow: there is no such field"},
		{"{\"sync\":{\"syncStrategy\":{\"apply\":{\"force\":1}}}}",
			"operation.sync.syncStrategy.apply.force must be true or false"},
		{"{\"sync\":{\"syncOptions\":[3]}}",
			"operation.sync.syncOptions must hold strings such as \"PruneLast=true\""},
		{"{\"sync\":{},\"retry\":{\"limit\":\"5\"}}", "operation.retry.limit must be an integer"},
		{"{\"sync\":{},\"retry\":{\"backoff\":{\"duration\":\"soon\"}}}",
			"operation.retry.backoff.duration must be a duration such as 5s or 3m"},
		{"{\"sync\":{},\"retry\":{\"backoff\":{\"factor\":0.5}}}",
			"operation.retry.backoff.factor must be a number of at least 1"},
		{"{\"sync\":{},\"info\":[{\"name\":1}]}", "operation.info[].name must be a string"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(json_done) json_t *operation = parse(cases[i].operation);
		struct sync_request *request = NULL;
		struct error err;
		assert_false(sync_request_read(operation, &request, &err));
		assert_null(request);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void an_option_that_is_not_known_is_named_with_those_that_are(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *operation = parse("{\"sync\":{\"syncOptions\":[\"Sing=true\"]}}");
	struct sync_request *request = NULL;
	struct error err;
	assert_false(sync_request_read(operation, &request, &err));
	assert_true(text_starts(err.text, "operation.sync.syncOptions: \"Sing=true\" is not supported"));
}

static void resources_select_by_group_kind_name_and_a_namespace_if_one_is_given(void **state)
{
	(void)state;
	struct sync_request *all = read_good("{\"sync\":{}}");
	assert_true(sync_request_selects(all, "", "ConfigMap", "n", "a"));
	sync_request_free(all);
	struct sync_request *some =
		read_good("{\"sync\":{\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"a\"},"
			  "{\"group\":\"apps\",\"kind\":\"Deployment\",\"namespace\":\"n\","
			  "\"name\":\"b\"}]}}");
	assert_true(sync_request_selects(some, "", "ConfigMap", "n", "a"));
	assert_true(sync_request_selects(some, "", "ConfigMap", "m", "a"));
	assert_true(sync_request_selects(some, "apps", "Deployment", "n", "b"));
	assert_false(sync_request_selects(some, "apps", "Deployment", "m", "b"));
	assert_false(sync_request_selects(some, "", "Deployment", "n", "b"));
	assert_false(sync_request_selects(some, "", "Secret", "n", "a"));
	assert_false(sync_request_selects(some, "", "ConfigMap", "n", "c"));
	sync_request_free(some);
}

/* What is read is said again in the same words, whether it came as a document or as an automated policy's. */
static void the_document_says_what_was_asked_for(void **state)
{
	(void)state;
	static const char text[] =
		"{\"info\":[{\"name\":\"a\",\"value\":\"b\"}],\"initiatedBy\":{\"username\":\"ann\"},"
		"\"retry\":{\"backoff\":{\"duration\":\"2500ms\",\"factor\":2,\"maxDuration\":\"60000ms\"},\"limit\":-1,"
		"\"refresh\":true},\"sync\":{\"dryRun\":true,\"prune\":true,\"resources\":[{\"group\":\"apps\",\"kind\":\"Deployment\","
		"\"name\":\"b\",\"namespace\":\"n\"}],\"revision\":\"v1\",\"source\":{\"path\":\"a\"},"
		"\"syncOptions\":[\"PruneLast=true\"],\"syncStrategy\":{\"apply\":{\"force\":true}}}}";
	struct sync_request *request = read_good(text);
	for (int from_fields = 0; from_fields < 2; from_fields++) {
		CLEANUP(json_done) json_t *document = sync_request_document(request);
		char *said = json_canonical(document);
		assert_string_equal(said, text);
		free(said);
		json_done(&request->document);
	}
	sync_request_free(request);
	const struct sync_request automatic = {.automated = true, .by = "automated", .revision = "0123"};
	CLEANUP(json_done) json_t *document = sync_request_document(&automatic);
	char *said = json_canonical(document);
	assert_string_equal(said, "{\"initiatedBy\":{\"automated\":true},\"sync\":{\"revision\":\"0123\"}}");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_without_a_word_asks_for_what_the_application_says),
		cmocka_unit_test(several_sources_have_lists),
		cmocka_unit_test(every_supported_field_is_read),
		cmocka_unit_test(an_empty_apply_strategy_leaves_the_hooks_out),
		cmocka_unit_test(what_is_not_obeyed_is_named),
		cmocka_unit_test(an_option_that_is_not_known_is_named_with_those_that_are),
		cmocka_unit_test(resources_select_by_group_kind_name_and_a_namespace_if_one_is_given),
		cmocka_unit_test(the_document_says_what_was_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
