#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/kubernetes/exec.h"

#define V1 "client.authentication.k8s.io/v1"

static bool run(const char *script, struct kube_config *config, struct error *err)
{
	char shell[] = "/bin/sh", option[] = "-c", variable[] = "PLUGIN_WORD=from-the-kubeconfig";
	char *text = memory_copy(script);
	char *arguments[] = {shell, option, text, NULL};
	char *environment[] = {variable, NULL};
	struct exec_plugin plugin = {.arguments = arguments, .environment = environment, .api_version = V1};
	*err = (struct error){0};
	bool good = exec_plugin_run(&plugin, config, err);
	free(text);
	return good;
}

static void a_token_is_taken(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	assert_true(run("echo '{\"apiVersion\":\"" V1
			"\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"'$PLUGIN_WORD'\"}}'",
		&config, &err));
	assert_string_equal(config.token.bytes, "from-the-kubeconfig");
	kube_config_done(&config);
}

static void a_certificate_is_taken_with_its_key_only(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	assert_true(run("echo '{\"apiVersion\":\"" V1
			"\",\"status\":{\"clientCertificateData\":\"CERT\",\"clientKeyData\":\"KEY\"}}'",
		&config, &err));
	assert_string_equal(config.client_cert, "CERT");
	assert_string_equal(config.client_key.bytes, "KEY");
	kube_config_done(&config);
	assert_false(run("echo '{\"apiVersion\":\"" V1 "\",\"status\":{\"clientCertificateData\":\"CERT\"}}'",
		&config, &err));
	assert_int_equal(err.kind, ERROR_DENIED);
	kube_config_done(&config);
}

static void the_plugin_is_told_the_version_and_that_it_may_not_ask(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	assert_true(run("case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) read -r line && exit 1;"
			" echo '{\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"t\"}}';; *) exit 1;; esac",
		&config, &err));
	kube_config_done(&config);
}

static void what_goes_wrong_is_said_without_the_output(void **state)
{
	(void)state;
	static const struct {
		const char *script, *part;
	} samples[] = {
		{"echo hunter2", "no ExecCredential"},
		{"echo '{\"apiVersion\":\"other\",\"status\":{\"token\":\"hunter2\"}}'", "apiVersion \"other\""},
		{"echo '{\"apiVersion\":\"" V1 "\"}'", "neither a token nor"},
		{"echo '{\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"hunter2\"}}'; exit 3", "it failed"},
		{"exit 127", "not found"},
		{"while :; do echo hunter2hunter2hunter2hunter2hunter2hunter2; done", "no answer of at most"},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct kube_config config = {0};
		struct error err;
		bool good = run(samples[i].script, &config, &err);
		if (good || !strstr(err.text, samples[i].part) || strstr(err.text, "hunter2"))
			fail_msg("sample %zu: %s", i, err.text);
		kube_config_done(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_taken),
		cmocka_unit_test(a_certificate_is_taken_with_its_key_only),
		cmocka_unit_test(the_plugin_is_told_the_version_and_that_it_may_not_ask),
		cmocka_unit_test(what_goes_wrong_is_said_without_the_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
