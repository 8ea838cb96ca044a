/*
 * fuzz_kubernetes.c - kubeconfigs, and what the API server answers: refusals, Events, objects beside the wanted one
 *
 * The first byte says what the rest is taken for. Where it is about a Secret, none of its values is in what is told of it: neither in
 * an error nor in a difference.
 */
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/answer.h"
#include "reconcile/kubernetes/config.h"
#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/masked.h"
#include "reconcile/kubernetes/tracking.h"
#include "reconcile/kubernetes/warnings.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a Secret holds in the inputs; no name has it. */
#define CANARY "hunter-zwei"

static void read_kubeconfig(const char *text, size_t size)
{
	static const struct kube_override overrides[] = {{0}, {.context = "other", .token = "t", .as = "ada"}};
	char path[32];
	const char *const paths[] = {path, path, NULL}; /* KUBECONFIG=a:b */
	int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < COUNT_OF(overrides); i++) {
		struct kube_config config = {0}, copy;
		struct error err = {0};
		if (kube_config_overridden(paths + i, &overrides[i], false, &config, &err)) {
			require(config.server && !text_ends(config.server, "/") && config.namespace);
			kube_config_copy(&copy, &config);
			kube_config_done(&copy);
		} else {
			require(err.kind != ERROR_NONE && *err.text && text_is_utf8(err.text, strlen(err.text)));
		}
		kube_config_done(&config);
	}
	char *namespace = NULL;
	struct error err;
	if (kube_config_context(paths, NULL, NULL, &namespace, &err))
		require(namespace && *namespace);
	free(namespace);
	close(fd);
}

static void refuse(const json_t *body, struct arena *mem)
{
	static const int statuses[] = {400, 403, 404, 409, 422, 429, 500};
	struct manager_conflicts conflicts;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct answer answer = {"PATCH", "/api/v1/namespaces/n/secrets/a?x", true, statuses[i], body};
		struct error err = {0};
		require(!answer_failure(&answer, &err) && err.kind != ERROR_NONE);
		require(text_is_utf8(err.text, strlen(err.text)));
	}
	answer_immutable(body);
	manager_conflicts(body, NULL, &conflicts);
	require(memchr(conflicts.text, '\0', sizeof(conflicts.text)));

	struct warnings warnings = {0};
	struct live live = {.key = {"apps", "StatefulSet", "n", "main"}, .uid = "u", .health.message = ""};
	warnings_add(&warnings, body, mem);
	require(warnings_reason(&warnings, &live, mem));
	for (size_t i = 0; i < warnings.count; i++)
		require(text_is_utf8(warnings.items[i].message, strlen(warnings.items[i].message)));
}

/* The values alone are secret: a key, or a field's name, is shown, and so is what no value of the Secret has. */
static bool canary_is_name(const json_t *value)
{
	const char *key;
	json_t *item;
	size_t index;
	json_object_foreach ((json_t *)(uintptr_t)value, key, item)
		if (strstr(key, CANARY) || canary_is_name(item))
			return true;
	json_array_foreach (value, index, item)
		if (canary_is_name(item))
			return true;
	return false;
}

static bool canary_is_value(const json_t *secret)
{
	static const char *const maps[] = {"data", "stringData"};
	const char *key;
	json_t *item;
	for (size_t i = 0; i < COUNT_OF(maps); i++)
		json_object_foreach (json_object_get(secret, maps[i]), key, item)
			if (text_equal(json_string_value(item), CANARY))
				return true;
	return false;
}

static void compare(const json_t *wanted, const json_t *found, struct arena *mem)
{
	bool hidden = !canary_is_name(wanted) && !canary_is_name(found) && canary_is_value(wanted) &&
		canary_is_value(found);
	for (int kind = 0; kind < 4; kind++) {
		const struct diff_input input = {wanted, found, kind & 1, kind & 2};
		size_t count;
		struct difference *items = diff_objects(&input, mem, &count);
		require(count <= LIMIT_DIFFERENCES);
		for (size_t i = 0; i < count && input.secret; i++) {
			require(!hidden ||
				(!strstr(items[i].wanted, CANARY) && !strstr(items[i].found, CANARY)));
			require(i == 0 || strcmp(items[i - 1].path, items[i].path) <= 0);
		}
	}
	masked_repeats(wanted, found);
	json_t *managed = json_at(found, "metadata.managedFields");
	manager_written(managed, true);
	manager_applied(managed);
	json_decref(manager_kept(managed, NULL));
	json_decref(manager_declared(found, "helm"));
	if (manager_to_adopt(managed, "helm"))
		json_decref(manager_adopt(found, "helm"));
}

static void read_answer(uint8_t kind, const char *text, size_t size, struct arena *mem)
{
	CLEANUP(json_done) json_t *body = NULL;
	struct error err;
	if (!answer_read(text, size, &body, &err))
		return;
	if (kind == 1)
		refuse(body, mem);
	else if (json_is_object(json_array_get(body, 0)) && json_is_object(json_array_get(body, 1)))
		compare(json_array_get(body, 0), json_array_get(body, 1), mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *mem = arena_new((size_t)64 << 20);
	const char *text = (const char *)data + 1;
	if (data[0] % 3 == 0)
		read_kubeconfig(text, size - 1);
	else
		read_answer(data[0] % 3, text, size - 1, mem);
	arena_free(mem);
	return 0;
}
