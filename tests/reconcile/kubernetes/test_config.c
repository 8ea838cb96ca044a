#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "reconcile/kubernetes/config.h"

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/pgitops-config-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	return file_remove_folder(folder, &err) ? 0 : -1;
}

static void write_file(const char *name, const char *text)
{
	struct error err;
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!file_replace(path, text, strlen(text), 0600, &err))
		fail_msg("%s", err.text);
}

static bool read_config(const char *text, const char *context, struct kube_config *config, struct error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/config", folder);
	write_file("config", text);
	*err = (struct error){0};
	return kube_config_read(path, context, false, config, err);
}

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://host:6443/'}}]\n"
#define CONTEXT "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"

static void a_kubeconfig_as_people_have_it_is_read(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	assert_true(read_config(
		"apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
		"clusters:\n- name: dev\n  cluster:\n    server: https://10.0.0.1:6443\n    certificate-authority-data: UEVN\n"
		"    tls-server-name: kubernetes\n    proxy-url: http://proxy:3128\n"
		"- name: prod\n  cluster:\n    server: https://prod\n    insecure-skip-tls-verify: true\n"
		"users:\n- name: me\n  user:\n    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n"
		"- name: robot\n  user: {token: abc}\n"
		"contexts:\n- name: dev\n  context: {cluster: dev, user: me, namespace: team}\n"
		"- name: prod\n  context: {cluster: prod, user: robot}\n",
		NULL, &config, &err));
	assert_string_equal(config.server, "https://10.0.0.1:6443");
	assert_string_equal(config.ca, "PEM");
	assert_string_equal(config.client_cert, "CERT");
	assert_string_equal(config.client_key.bytes, "KEY");
	assert_string_equal(config.tls_server_name, "kubernetes");
	assert_string_equal(config.proxy, "http://proxy:3128");
	assert_string_equal(config.namespace, "team");
	assert_false(config.insecure);
	struct kube_config copy;
	kube_config_copy(&copy, &config);
	kube_config_done(&config);
	assert_string_equal(copy.client_key.bytes, "KEY");
	kube_config_done(&copy);
	char path[128];
	snprintf(path, sizeof(path), "%s/config", folder);
	assert_true(kube_config_read(path, "prod", false, &config, &err));
	assert_string_equal(config.token.bytes, "abc");
	assert_string_equal(config.namespace, "default");
	assert_true(config.insecure);
	assert_null(config.proxy);
	kube_config_done(&config);
	assert_false(kube_config_read(path, "none", false, &config, &err));
	assert_non_null(strstr(err.text, "contexts has no entry named \"none\""));
}

static void files_are_relative_to_the_kubeconfig(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	write_file("ca.pem", "CA");
	write_file("token", "secret-token\n");
	assert_true(read_config(
		"clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: ca.pem}}]\n" CONTEXT
		"users: [{name: u, user: {tokenFile: token, token: other}}]\n",
		NULL, &config, &err));
	assert_string_equal(config.ca, "CA");
	assert_string_equal(config.token.bytes, "secret-token");
	assert_non_null(config.token_file);
	kube_config_done(&config);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} samples[] = {
		{"", "not a kubeconfig"},
		{"[]\n", "not a kubeconfig"},
		{"a: b: c\n", "config:1"},
		{"clusters: []\n", "no current-context"},
		{CONTEXT, "clusters has no entry named \"c\""},
		{CLUSTER CONTEXT, "users has no entry named \"u\""},
		{"clusters: [{name: c, cluster: {server: 'http://h'}}]\n" CONTEXT, "must be https"},
		{CLUSTER CONTEXT "users: [{name: u, user: {client-certificate-data: Q0VSVA==}}]\n",
			"needs both"},
		{CLUSTER CONTEXT
			"users: [{name: u, user: {client-certificate-data: '*', client-key-data: S0VZ}}]\n",
			"not base64"},
		{CLUSTER CONTEXT "users: [{name: u, user: {username: me, password: secret-word}}]\n",
			"not supported"},
		{CLUSTER CONTEXT "users: [{name: u, user: {tokenFile: none}}]\n", "tokenFile"},
		{CLUSTER CONTEXT
			"users: [{name: u, user: {exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}}}]\n",
			"exec plugin \"aws\""},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct kube_config config = {0};
		struct error err;
		if (read_config(samples[i].text, NULL, &config, &err) || !strstr(err.text, samples[i].part) ||
			strstr(err.text, "secret-word"))
			fail_msg("sample %zu: %s", i, err.text);
		assert_null(config.server);
	}
}

/* A file that is there and empty, or /dev/null: libyaml ends a process that gives it no bytes at all. */
static void an_empty_kubeconfig_is_refused_by_whoever_reads_it(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err = {0};
	char *namespace = NULL;
	const char *const paths[] = {"/dev/null", NULL};
	assert_false(kube_config_read("/dev/null", NULL, false, &config, &err));
	assert_string_equal(err.text, "/dev/null: not a kubeconfig");
	err = (struct error){0};
	assert_false(kube_config_context(paths, NULL, NULL, &namespace, &err));
	assert_string_equal(err.text, "/dev/null: not a kubeconfig");
	assert_null(namespace);
}

static void a_pod_needs_its_variables_and_files(void **state)
{
	(void)state;
	struct kube_config config = {0};
	struct error err;
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_false(kube_config_in_cluster(folder, &config, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_false(kube_config_in_cluster(folder, &config, &err));
	write_file("token", "t");
	write_file("ca.crt", "CA");
	write_file("namespace", "team\n");
	assert_true(kube_config_in_cluster(folder, &config, &err));
	assert_string_equal(config.server, "https://[fd00::1]:443");
	assert_string_equal(config.namespace, "team");
	assert_string_equal(config.token.bytes, "t");
	kube_config_done(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_kubeconfig_as_people_have_it_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_relative_to_the_kubeconfig, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said, set_up, tear_down),
		cmocka_unit_test(an_empty_kubeconfig_is_refused_by_whoever_reads_it),
		cmocka_unit_test_setup_teardown(a_pod_needs_its_variables_and_files, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
