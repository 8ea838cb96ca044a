#include "application_fixture.h"

static void what_kustomize_is_asked_for_is_kept_without_what_asks_for_nothing(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  source:\n    repoURL: x\n    path: p\n    kustomize: {namePrefix: a-, nameSuffix: '', namespace: ns, images: ['a:1'],\n"
		"      replicas: [{name: d, count: 3}, {name: e, count: '2'}], commonLabels: {a: b}, forceCommonLabels: true,\n"
		"      labelWithoutSelector: true, labelIncludeTemplates: true, commonAnnotations: {a: $b},\n"
		"      forceCommonAnnotations: false, patches: [{path: x, target: {kind: K, name: nn}, options: {allowNameChange: true}},\n"
		"      {patch: yy}], components: [c], ignoreMissingComponents: true, version: ''}\n" GOOD_DESTINATION,
		"");
	const struct rendering *rendering = &fixture->application.sources[0].directory.rendering;
	assert_int_equal(rendering->asked, RENDER_KUSTOMIZE);
	assert_false(rendering->plain);
	assert_string_equal(rendering->options,
		"{\"commonAnnotations\":{\"a\":\"$b\"},\"commonLabels\":{\"a\":\"b\"},\"components\":[\"c\"],"
		"\"forceCommonLabels\":true,\"ignoreMissingComponents\":true,\"images\":[\"a:1\"],"
		"\"labelIncludeTemplates\":true,\"labelWithoutSelector\":true,\"namePrefix\":\"a-\",\"namespace\":\"ns\","
		"\"patches\":[{\"options\":{\"allowNameChange\":true},\"path\":\"x\",\"target\":{\"kind\":\"K\","
		"\"name\":\"nn\"}},{\"patch\":\"yy\"}],\"replicas\":[{\"count\":3,\"name\":\"d\"},{\"count\":\"2\","
		"\"name\":\"e\"}]}");
}

static void what_helm_is_asked_for_is_kept(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  source:\n    repoURL: x\n    path: p\n    helm: {valueFiles: [a.yaml], values: 'a: $b', valuesObject: {a: {}},\n"
		"      parameters: [{name: a, value: b, forceString: true}], fileParameters: [{name: a, path: b}], releaseName: r,\n"
		"      namespace: ns, version: v3, ignoreMissingValueFiles: true, skipCrds: true, skipTests: true,\n"
		"      skipSchemaValidation: true, kubeVersion: '1.30', apiVersions: [a/v1]}\n" GOOD_DESTINATION,
		"");
	const struct rendering *rendering = &fixture->application.sources[0].directory.rendering;
	assert_int_equal(rendering->asked, RENDER_HELM);
	assert_non_null(strstr(rendering->options, "\"releaseName\":\"r\""));
	assert_string_equal(rendering->namespace, fixture->application.destination);
}

static void each_field_of_kustomize_and_helm_that_is_not_obeyed_is_named(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  source: {repoURL: x, path: p, kustomize: {commonAnnotationsEnvsubst: true, version: v5, kubeVersion: '1.30',\n"
		"    apiVersions: [a], images: [$x], commonLabels: {a: $b}, commonAnnotations: {a: 1}, namePrefx: a,\n"
		"    replicas: [{name: d, count: -1}, {count: 1}], patches: [{file: x}], components: x}}\n" GOOD_DESTINATION,
		"spec.source.kustomize.commonAnnotationsEnvsubst is not supported: variables are not put in: write what they "
		"stand for\n"
		"spec.source.kustomize.version is not supported: the kustomize on the agent's PATH is what there is\n"
		"spec.source.kustomize.kubeVersion is not supported: charts are not inflated by kustomize: make an Application "
		"of the chart\n"
		"spec.source.kustomize.apiVersions is not supported: charts are not inflated by kustomize: make an Application "
		"of the chart\n"
		"spec.source.kustomize.images[0] holds a '$': variables are not put in, write what it stands for\n"
		"spec.source.kustomize.commonLabels.a holds a '$': variables are not put in, write what it stands for\n"
		"spec.source.kustomize.commonAnnotations.a must be a string\n"
		"spec.source.kustomize.namePrefx: there is no such field, did you mean \"namePrefix\"?\n"
		"spec.source.kustomize.replicas[0].count must be a number that is not negative\n"
		"spec.source.kustomize.replicas[1].name is missing\n"
		"spec.source.kustomize.patches[0].file: there is no such field\n"
		"spec.source.kustomize.components must be a list of at most 1000 entries\n");
	expect(fixture,
		"  source: {repoURL: x, path: p, helm: {passCredentials: true, version: v2, valueFiles: [$ref/a.yaml],\n"
		"    parameters: [{value: b}, {name: a, value: $b}], values: {a: 1}, skipCrds: 'yes'}}\n" GOOD_DESTINATION,
		"spec.source.helm.passCredentials is not supported: nothing is fetched while it is rendered: what is needed lies "
		"in the repository\n"
		"spec.source.helm.version must be v3: the helm on the agent's PATH is what there is\n"
		"spec.source.helm.valueFiles[0] holds a '$': variables are not put in, write what it stands for\n"
		"spec.source.helm.parameters[0].name is missing\n"
		"spec.source.helm.parameters[1].value holds a '$': variables are not put in, write what it stands for\n"
		"spec.source.helm.values must be a string\n"
		"spec.source.helm.skipCrds must be true or false\n");
	expect(fixture,
		"  source: {repoURL: x, path: p, helm: {skipCrds: true}, kustomize: {namePrefix: a}}\n" GOOD_DESTINATION,
		"spec.source has more than one of directory, kustomize and helm: a path is one of them\n");
}

static void a_folder_that_is_said_to_be_plain_is_known(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *directory;
		bool plain;
	} cases[] = {{"{}", false}, {"{recurse: false, jsonnet: {}}", false}, {"null", false},
		{"{recurse: true}", true}, {"{include: x}", true}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		expect(fixture,
			arena_printf(fixture->mem,
				"  source: {repoURL: x, path: p, helm: {}, kustomize: null, directory: %s}\n" GOOD_DESTINATION,
				cases[i].directory),
			"");
		const struct rendering *rendering = &fixture->application.sources[0].directory.rendering;
		assert_int_equal(rendering->plain, cases[i].plain);
		assert_int_equal(rendering->asked, RENDER_NONE);
		assert_null(rendering->options);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_kustomize_is_asked_for_is_kept_without_what_asks_for_nothing),
		TEST(what_helm_is_asked_for_is_kept),
		TEST(each_field_of_kustomize_and_helm_that_is_not_obeyed_is_named),
		TEST(a_folder_that_is_said_to_be_plain_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
