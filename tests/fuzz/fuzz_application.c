/*
 * fuzz_application.c - what the cluster and Git say of what is to be synced: Applications, AppProjects, operations, and the agent file
 *
 * The first byte says what the rest, YAML or JSON, is taken for. Whatever is refused is refused in words that name a field, and what is
 * taken answers every question about it.
 */
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "agent/config/application.h"
#include "agent/config/config.h"
#include "agent/config/powers.h"
#include "agent/config/project.h"
#include "agent/config/rules.h"
#include "agent/config/sync_request.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_texts(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		require(*texts[i] && text_is_utf8(texts[i], strlen(texts[i])));
}

static void read_application(json_t *document, struct arena *mem)
{
	struct application application = {0}, again = {0};
	struct error err;
	if (!application_read(document, NULL, mem, &application, &err)) {
		require(err.kind != ERROR_NONE && *err.text);
		return;
	}
	require(application.name && *application.name && application.project && application.destination);
	require_texts(application.spec_errors, application.spec_error_count);
	require_texts(application.warnings, application.warning_count);
	for (size_t i = 0; i < application.source_count; i++)
		require(application.sources[i].repo_url && application.sources[i].revision);
	require(application_read(document, NULL, mem, &again, &err));
	require(application_same(&application, &again));
	application_done(&again);
	application_done(&application);
}

static void read_project(const json_t *document, struct arena *mem)
{
	static const struct object_key keys[] = {
		{"", "ConfigMap", "n", "a"}, {"rbac.authorization.k8s.io", "ClusterRole", "", "b"}};
	static const struct project_destination to = {DESTINATION_SERVER, DESTINATION_NAME, "n"};
	static const struct window_subject subject = {"app", "n", DESTINATION_SERVER, DESTINATION_NAME};
	struct project project;
	struct error err;
	const char *why = NULL;
	if (!project_read(document, NULL, mem, &project, &err))
		return;
	require_texts(project.errors, project.error_count);
	require_texts(project.warnings, project.warning_count);
	require(project_allows_source(&project, "https://git.example.org/team/db.git", mem, &why) || why);
	require(project_allows_destination(&project, &to, mem, &why) || why);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		require(project_allows_object(&project, &keys[i], i == 0, mem, &why) || why);
	for (int64_t day = 0; day < 3; day++) {
		int64_t now = INT64_C(1800000000000000) + day * INT64_C(86400000000);
		require(window_state(&project.windows, &subject, now, mem).why);
		window_may_continue(&project.windows, &subject, true, now, now + 1000000, mem);
	}
}

/* What was read says the same again. */
static void read_operation(const json_t *operation)
{
	struct sync_request *request = NULL, *again = NULL;
	struct error err;
	if (!sync_request_read(operation, &request, &err)) {
		require(!request && *err.text);
		return;
	}
	CLEANUP(json_done) json_t *document = sync_request_document(request);
	require(sync_request_read(document, &again, &err));
	require(again->prune == request->prune && again->dry_run == request->dry_run &&
		again->resource_count == request->resource_count);
	sync_request_free(again);
	sync_request_free(request);
}

static void read_document(uint8_t kind, const char *text, size_t size, struct arena *mem)
{
	struct mistakes mistakes = {.mem = mem};
	struct yaml_documents documents = {0};
	yaml_read("fuzz.yaml", text, size, mem, &documents, &mistakes);
	for (size_t i = 0; i < documents.count; i++) {
		CLEANUP(json_done) json_t *document = yaml_to_json(documents.items[i]);
		struct power *powers;
		if (kind == 0)
			read_application(document, mem);
		else if (kind == 1)
			read_project(document, mem);
		else if (kind == 2)
			read_operation(document);
		else if (powers_find(json_object_get(document, "spec"), mem, &powers))
			require(powers[0].path && powers[0].what);
	}
}

/* The agent file is read from a file, so it is one in memory. Its rules are asked, as every object is. */
static void read_config(const char *text, size_t size, struct arena *mem)
{
	static const struct object_key key = {"acid.zalan.do", "postgresql", "default", "acid-minimal-cluster"};
	struct mistakes mistakes = {.mem = mem};
	struct config config = {0};
	struct error err;
	char path[32];
	int fd = memfd_create("agent.yaml", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_read(path, mem, &config, &mistakes, &err)) {
		const struct rules rules = {&config, NULL};
		const char *why = NULL;
		require(rules_allow_destination(&config, "postgres-cluster", "default", mem, &why) || why);
		require(rules_allow_object(&rules, "postgres-cluster", &key, mem, &why) || why);
		require(rules_text(&config, "postgres-cluster", mem));
	} else {
		require(mistakes.count || err.kind != ERROR_INVALID);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* jq programs are compiled by another process (reconcile/ignore/jq_worker.c), which would be this one. */
	if (size == 0 || memmem(data, size, "jqPath", 6))
		return 0;
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	const char *text = (const char *)data + 1;
	if (data[0] % 5 == 4)
		read_config(text, size - 1, mem);
	else
		read_document(data[0] % 5, text, size - 1, mem);
	arena_free(mem);
	return 0;
}
