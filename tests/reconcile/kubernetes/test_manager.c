#include "reconcile/kubernetes/manager.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

static void conflicts_name_who_does_not_give_way(void **state)
{
	(void)state;
	json_t *status = read_json(
		"{\"details\":{\"causes\":["
		"{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"kubectl-edit\\\" using v1\",\"field\":\".data.x\"},"
		"{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"k9s\\\" using v1\",\"field\":\".data.y\"}]}}");
	struct manager_conflicts conflicts;
	manager_conflicts(status, NULL, &conflicts);
	assert_int_equal(conflicts.count, 2);
	assert_false(conflicts.all_give_way);
	assert_string_equal(conflicts.text, "k9s owns .data.y");
	json_decref(status);
}

static void tools_that_apply_manifests_give_way(void **state)
{
	(void)state;
	static const char *const tools[] = {"kubectl", "kubectl-edit", "kubectl-client-side-apply",
		"argocd-controller", "argocd-server", "before-first-apply", "kustomize-controller",
		"helm-controller", "flux", "helm", "pgitops", "pgitops-replace"};
	static const char *const others[] = {"k9s", "Lens", "node-fetch", "pgitops-2", "postgres-operator", ""};
	for (size_t i = 0; i < COUNT_OF(tools); i++)
		if (!manager_gives_way(tools[i]))
			fail_msg("%s", tools[i]);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (manager_gives_way(others[i]))
			fail_msg("%s", others[i]);
}

static void many_conflicts_are_counted(void **state)
{
	(void)state;
	json_t *causes = json_array();
	for (int i = 0; i < 100; i++)
		json_array_append_new(causes,
			json_pack("{s:s, s:s, s:s}", "reason", "FieldManagerConflict", "message",
				"conflict with \"k9s\" using v1", "field", ".spec.some.field.of.many"));
	json_t *status = json_pack("{s:{s:o}}", "details", "causes", causes);
	struct manager_conflicts conflicts;
	manager_conflicts(status, NULL, &conflicts);
	assert_int_equal(conflicts.count, 100);
	assert_non_null(strstr(conflicts.text, "k9s owns .spec.some.field.of.many; "));
	assert_non_null(strstr(conflicts.text, " more"));
	json_decref(status);
}

#define ENTRY(manager, operation, fields)                                                                    \
	"{\"manager\":\"" manager "\",\"operation\":\"" operation "\",\"fieldsV1\":" fields "}"

static void adoption_unites_what_manifests_set_and_leaves_the_rest(void **state)
{
	(void)state;
	json_t *object = read_json("{\"apiVersion\":\"v1\",\"metadata\":{\"managedFields\":[" ENTRY(
		"kubectl-client-side-apply", "Update",
		"{\"f:data\":{\"f:a\":{},\"f:b\":{}}}") "," ENTRY("kubectl", "Apply",
		"{\"f:data\":{\"f:e\":{}}}") "," ENTRY("pgitops", "Apply",
		"{\"f:data\":{\"f:b\":{},\"f:c\":{}}}") ",{\"manager\":\"kubectl-client-side-apply\",\"operation\":\"Update\",\"subresource\":\"status\",\"fieldsV1\":{\"f:status\":{}}}," ENTRY("kubectl-edit",
		"Update", "{\"f:data\":{\"f:d\":{}}}") "]}}");
	assert_true(manager_to_adopt(json_at(object, "metadata.managedFields"), NULL));
	json_t *adopted = manager_adopt(object, NULL);
	assert_int_equal(json_array_size(adopted), 3);
	assert_string_equal(json_text_at(json_array_get(adopted, 0), "subresource", ""), "status");
	assert_string_equal(json_text_at(json_array_get(adopted, 1), "manager", ""), "kubectl-edit");
	json_t *fields = json_at(json_array_get(adopted, 2), "fieldsV1.f:data");
	assert_int_equal(json_object_size(fields), 4);
	assert_null(json_object_get(fields, "f:d"));
	assert_string_equal(json_text_at(json_array_get(adopted, 2), "operation", ""), "Apply");
	json_decref(adopted);
	json_decref(object);
}

/* An Application that is itself an object of Git: whoever writes its status with a declaring name must not lose it. */
static void a_status_is_never_adopted(void **state)
{
	(void)state;
	json_t *object = read_json("{\"metadata\":{\"managedFields\":[" ENTRY(
		"argocd-controller", "Update", "{\"f:spec\":{},\"f:status\":{\"f:health\":{}}}") "]}}");
	json_t *declared = manager_declared(object, NULL);
	assert_non_null(json_object_get(declared, "f:spec"));
	assert_null(json_object_get(declared, "f:status"));
	json_decref(declared);
	json_decref(object);
}

static void data_that_nobody_owns_is_ours_where_we_applied_string_data(void **state)
{
	(void)state;
	json_t *object = read_json(
		"{\"data\":{\"old\":\"\",\"now\":\"\",\"theirs\":\"\",\"alsotheirs\":\"\"},\"metadata\":{\"managedFields\":[" ENTRY(
			"pgitops", "Apply", "{\"f:stringData\":{\"f:now\":{}}}") "," ENTRY("other", "Update",
			"{\"f:data\":{\".\":{},\"f:theirs\":{}}}") "," ENTRY("another", "Apply",
			"{\"f:stringData\":{\"f:alsotheirs\":{}}}") "]}}");
	assert_true(manager_to_adopt(json_at(object, "metadata.managedFields"), NULL));
	json_t *declared = manager_declared(object, NULL);
	char *text = json_canonical(declared);
	assert_string_equal(text, "{\"f:data\":{\"f:now\":{},\"f:old\":{}}}");
	free(text);
	json_decref(declared);
	json_decref(object);
}

/* The manager that an Application names is one more tool, whatever its entry is; nobody else's is. */
static void a_named_manager_is_migrated(void **state)
{
	(void)state;
	json_t *object = read_json("{\"apiVersion\":\"v1\",\"metadata\":{\"managedFields\":[" ENTRY(
		"spinnaker", "Update", "{\"f:data\":{\"f:a\":{}}}") "," ENTRY("k9s", "Update",
		"{\"f:data\":{\"f:b\":{}}}") "]}}");
	const json_t *managed = json_at(object, "metadata.managedFields");
	assert_false(manager_to_adopt(managed, NULL));
	assert_false(manager_to_adopt(managed, "helm"));
	assert_true(manager_to_adopt(managed, "spinnaker"));
	json_t *declared = manager_declared(object, "spinnaker");
	json_t *kept = manager_kept(managed, "spinnaker");
	assert_non_null(json_at(declared, "f:data.f:a"));
	assert_null(json_at(declared, "f:data.f:b"));
	assert_null(json_at(kept, "f:data.f:a"));
	assert_non_null(json_at(kept, "f:data.f:b"));
	json_decref(declared);
	json_decref(kept);
	json_decref(object);
}

static void the_label_that_argo_cd_tracks_by_is_not_the_manifests(void **state)
{
	(void)state;
	static const struct {
		const char *manager, *declared;
	} cases[] = {
		{"argocd-controller", "{\"f:metadata\":{\"f:labels\":{\"f:team\":{}}}}"},
		{"argocd-application-controller", "{\"f:metadata\":{\"f:labels\":{\"f:team\":{}}}}"},
		{"helm", "{\"f:metadata\":{\"f:labels\":{\"f:app.kubernetes.io/instance\":{},\"f:team\":{}}}}"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *object = json_pack("{s:{s:[{s:s, s:s, s:{s:{s:{s:{}, s:{}}}}}]}}", "metadata",
			"managedFields", "manager", cases[i].manager, "operation", "Update", "fieldsV1",
			"f:metadata", "f:labels", "f:app.kubernetes.io/instance", "f:team");
		json_t *declared = manager_declared(object, NULL);
		char *text = json_canonical(declared);
		assert_string_equal(text, cases[i].declared);
		free(text);
		json_decref(declared);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conflicts_name_who_does_not_give_way),
		cmocka_unit_test(a_named_manager_is_migrated),
		cmocka_unit_test(the_label_that_argo_cd_tracks_by_is_not_the_manifests),
		cmocka_unit_test(tools_that_apply_manifests_give_way),
		cmocka_unit_test(many_conflicts_are_counted),
		cmocka_unit_test(adoption_unites_what_manifests_set_and_leaves_the_rest),
		cmocka_unit_test(a_status_is_never_adopted),
		cmocka_unit_test(data_that_nobody_owns_is_ours_where_we_applied_string_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
