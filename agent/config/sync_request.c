/*
 * Fields and their meaning: Argo CD's types.go, Operation and SyncOperation (argocd.md 2.8).
 */
#include "agent/config/sync_request.h"

#include <string.h>

#include "agent/config/sync_options.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

struct sync_request *sync_request_new(void)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct sync_request *request = memory_alloc(sizeof(*request));
	*request = (struct sync_request){.mem = mem, .by = "", .rollback_id = -1};
	return request;
}

void sync_request_free(struct sync_request *request)
{
	if (!request)
		return;
	json_decref(request->source);
	json_decref(request->info);
	json_decref(request->document);
	arena_free(request->mem);
	memory_freep(&request);
}

/* ---- fields ---- */

enum field_type {
	FIELD_TEXT,
	FIELD_TRUTH,
	FIELD_INTEGER,
	FIELD_NUMBER,
	FIELD_DURATION,
	FIELD_OBJECT,
	FIELD_LIST
};

static const char *const type_names[] = {
	[FIELD_TEXT] = "a string",
	[FIELD_TRUTH] = "true or false",
	[FIELD_INTEGER] = "an integer",
	[FIELD_NUMBER] = "a number of at least 1",
	[FIELD_DURATION] = "a duration such as 5s or 3m",
	[FIELD_OBJECT] = "an object",
	[FIELD_LIST] = "a list",
};

/* A field of one object of the operation. */
struct field {
	const char *name;
	enum field_type type;
	const char *refused; /* why it is not honoured; NULL = it is */
};

static bool has_type(const json_t *value, enum field_type type)
{
	int64_t ignored;
	switch (type) {
	case FIELD_TEXT:
		return json_is_string(value);
	case FIELD_TRUTH:
		return json_is_boolean(value);
	case FIELD_INTEGER:
		return json_is_integer(value);
	case FIELD_NUMBER:
		return json_is_number(value) && json_number_value(value) >= 1;
	case FIELD_DURATION:
		return json_is_string(value) && duration_parse(json_string_value(value), &ignored);
	case FIELD_OBJECT:
		return json_is_object(value);
	default:
		return json_is_array(value);
	}
}

static bool unknown_field(
	const char *path, const char *name, const struct field *fields, size_t count, struct error *err)
{
	const char *names[16];
	for (size_t i = 0; i < count && i < COUNT_OF(names); i++)
		names[i] = fields[i].name;
	char hint[TEXT_HINT_SIZE];
	const char *near = text_nearest(name, names, count < COUNT_OF(names) ? count : COUNT_OF(names));
	return error_set(
		err, ERROR_INVALID, "%s.%.64s: there is no such field%s", path, name, text_hint(near, hint));
}

/* Every field is known, of its type, and honoured unless it asks for nothing. */
static bool check_object(
	const json_t *object, const char *path, const struct field *fields, size_t count, struct error *err)
{
	const char *key;
	json_t *value;
	if (object && !json_is_object(object) && !json_is_null(object))
		return error_set(err, ERROR_INVALID, "%s must be an object", path);
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (i < count && strcmp(fields[i].name, key) != 0)
			i++;
		if (i == count)
			return unknown_field(path, key, fields, count, err);
		if (json_is_zero(value, 0))
			continue;
		if (fields[i].refused)
			return error_set(err, ERROR_INVALID, "%s.%s is not supported: %s", path, key,
				fields[i].refused);
		if (!has_type(value, fields[i].type))
			return error_set(err, ERROR_INVALID, "%s.%s must be %s", path, key,
				type_names[fields[i].type]);
	}
	return true;
}

/* ---- lists ---- */

static bool read_resources(struct sync_request *request, const json_t *resources, struct error *err)
{
	static const struct field fields[] = {{"group", FIELD_TEXT, NULL}, {"kind", FIELD_TEXT, NULL},
		{"name", FIELD_TEXT, NULL}, {"namespace", FIELD_TEXT, NULL}};
	size_t i, count = json_array_size(resources);
	json_t *item;

	request->resources = arena_array(request->mem, count ? count : 1, sizeof(*request->resources));
	request->resource_count = count;
	json_array_foreach ((json_t *)(uintptr_t)resources, i, item) {
		CLEANUP(memory_freep) char *path = memory_printf("operation.sync.resources[%zu]", i);
		if (!json_is_object(item))
			return error_set(err, ERROR_INVALID, "%s must be an object", path);
		if (!check_object(item, path, fields, COUNT_OF(fields), err))
			return false;
		request->resources[i] = (struct sync_resource){
			.group = arena_copy(request->mem, json_text_at(item, "group", "")),
			.kind = arena_copy(request->mem, json_text_at(item, "kind", "")),
			.namespace = arena_copy(request->mem, json_text_at(item, "namespace", "")),
			.name = arena_copy(request->mem, json_text_at(item, "name", "")),
		};
		if (!*request->resources[i].kind || !*request->resources[i].name)
			return error_set(err, ERROR_INVALID, "%s has no %s", path,
				*request->resources[i].kind ? "name" : "kind");
	}
	return true;
}

static bool read_revisions(struct sync_request *request, const json_t *revisions, struct error *err)
{
	size_t i, count = json_array_size(revisions);
	json_t *item;

	if (count > LIMIT_SOURCES)
		return error_set(err, ERROR_INVALID, "operation.sync.revisions has %zu revisions: at most %d",
			count, LIMIT_SOURCES);
	request->revisions = arena_array(request->mem, count ? count : 1, sizeof(*request->revisions));
	request->revision_count = count;
	json_array_foreach ((json_t *)(uintptr_t)revisions, i, item) {
		if (!json_is_string(item))
			return error_set(err, ERROR_INVALID, "operation.sync.revisions must hold strings");
		request->revisions[i] = arena_copy(request->mem, json_string_value(item));
	}
	return true;
}

bool sync_request_place(struct sync_request *request, const json_t *positions, struct error *err)
{
	size_t i, count = json_array_size(positions);
	json_t *item;

	if (count != request->revision_count)
		return error_set(err, ERROR_INVALID,
			"there are %zu revisions and %zu sourcePositions: one for each",
			request->revision_count, count);
	request->positions = arena_array(request->mem, count ? count : 1, sizeof(*request->positions));
	json_array_foreach ((json_t *)(uintptr_t)positions, i, item) {
		if (!json_is_integer(item) || json_integer_value(item) < 1)
			return error_set(err, ERROR_INVALID, "sourcePositions must hold numbers, from 1");
		request->positions[i] = (size_t)json_integer_value(item);
		for (size_t j = 0; j < i; j++)
			if (request->positions[j] == request->positions[i])
				return error_set(err, ERROR_INVALID, "sourcePositions has %zu twice",
					request->positions[i]);
	}
	return true;
}

static bool read_options(struct sync_request *request, const json_t *options, struct error *err)
{
	size_t i, count = json_array_size(options);
	struct sync_options ignored = {0};
	char hint[TEXT_HINT_SIZE];
	const char *near = NULL;
	json_t *item;

	request->options = arena_array(request->mem, count ? count : 1, sizeof(*request->options));
	request->option_count = count;
	json_array_foreach ((json_t *)(uintptr_t)options, i, item) {
		const char *option = json_string_value(item);
		if (!option)
			return error_set(err, ERROR_INVALID,
				"operation.sync.syncOptions must hold strings such as \"PruneLast=true\"");
		if (!sync_options_take(&ignored, option, &near))
			return error_set(err, ERROR_INVALID,
				"operation.sync.syncOptions: \"%.128s\" is not supported%s", option,
				text_hint(near, hint));
		request->options[i] = arena_copy(request->mem, option);
	}
	return true;
}

static bool read_info(struct sync_request *request, const json_t *info, struct error *err)
{
	static const struct field fields[] = {{"name", FIELD_TEXT, NULL}, {"value", FIELD_TEXT, NULL}};
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)(uintptr_t)info, i, item)
		if (!check_object(item, "operation.info[]", fields, COUNT_OF(fields), err))
			return false;
	if (json_array_size(info))
		request->info = json_deep_copy(info);
	return true;
}

/* ---- objects ---- */

static bool read_strategy(struct sync_request *request, const json_t *strategy, struct error *err)
{
	static const struct field fields[] = {{"apply", FIELD_OBJECT, NULL}, {"hook", FIELD_OBJECT, NULL}};
	static const struct field force[] = {{"force", FIELD_TRUTH, NULL}};
	const json_t *apply = json_object_get(strategy, "apply"), *hook = json_object_get(strategy, "hook");
	if (!check_object(strategy, "operation.sync.syncStrategy", fields, COUNT_OF(fields), err) ||
		!check_object(apply, "operation.sync.syncStrategy.apply", force, COUNT_OF(force), err) ||
		!check_object(hook, "operation.sync.syncStrategy.hook", force, COUNT_OF(force), err))
		return false;
	request->apply_only = json_is_object(apply); /* {} is one, too: Argo CD writes it so for a rollback */
	request->force = json_bool_at(request->apply_only ? apply : hook, "force", false);
	return true;
}

static int64_t duration_at(const json_t *object, const char *key, int64_t fallback)
{
	int64_t milliseconds;
	const char *text = json_text_at(object, key, "");
	return *text && duration_parse(text, &milliseconds) ? milliseconds : fallback;
}

static bool read_retry(struct sync_request *request, const json_t *retry, struct error *err)
{
	static const struct field fields[] = {{"limit", FIELD_INTEGER, NULL}, {"refresh", FIELD_TRUTH, NULL},
		{"backoff", FIELD_OBJECT, NULL}};
	static const struct field backoff_fields[] = {{"duration", FIELD_DURATION, NULL},
		{"factor", FIELD_NUMBER, NULL}, {"maxDuration", FIELD_DURATION, NULL}};
	const json_t *backoff = json_object_get(retry, "backoff");
	const json_t *factor = json_object_get(backoff, "factor");
	int64_t limit = json_number_at(retry, "limit", 0);

	if (!check_object(retry, "operation.retry", fields, COUNT_OF(fields), err) ||
		!check_object(backoff, "operation.retry.backoff", backoff_fields, COUNT_OF(backoff_fields), err))
		return false;
	request->retry = (struct sync_retry){
		.given = json_is_object(retry),
		.limit = limit < 0 ? -1 : limit,
		.refresh = json_bool_at(retry, "refresh", false),
		.duration = duration_at(backoff, "duration", RETRY_DURATION),
		.max = duration_at(backoff, "maxDuration", RETRY_MAX),
		.factor = json_number_value(factor) >= 1 ? json_number_value(factor) : RETRY_FACTOR,
	};
	return true;
}

static bool read_initiator(struct sync_request *request, const json_t *by, struct error *err)
{
	static const struct field fields[] = {{"username", FIELD_TEXT, NULL}, {"automated", FIELD_TRUTH, NULL}};
	if (!check_object(by, "operation.initiatedBy", fields, COUNT_OF(fields), err))
		return false;
	const char *name = json_text_at(by, "username", "");
	request->by = *name ? arena_copy(request->mem, name) : "kubectl";
	return true;
}

static bool read_sync(struct sync_request *request, const json_t *sync, struct error *err)
{
	static const struct field fields[] = {
		{"revision", FIELD_TEXT, NULL},
		{"prune", FIELD_TRUTH, NULL},
		{"dryRun", FIELD_TRUTH, NULL},
		{"syncStrategy", FIELD_OBJECT, NULL},
		{"resources", FIELD_LIST, NULL},
		{"source", FIELD_OBJECT, NULL},
		{"syncOptions", FIELD_LIST, NULL},
		{"autoHealAttemptsCount", FIELD_INTEGER, NULL}, /* Argo CD's own counter */
		{"manifests", FIELD_LIST, "what is applied stands in Git"},
		{"revisions", FIELD_LIST, NULL},
		{"sources", FIELD_LIST, NULL},
	};
	if (!check_object(sync, "operation.sync", fields, COUNT_OF(fields), err))
		return false;
	const char *revision = json_text_at(sync, "revision", "");
	request->revision = *revision ? arena_copy(request->mem, revision) : NULL;
	request->prune = json_bool_at(sync, "prune", false);
	request->dry_run = json_bool_at(sync, "dryRun", false);
	const json_t *source = json_object_get(sync, "source"), *sources = json_object_get(sync, "sources");
	if (json_array_size(sources) || json_object_size(source))
		request->source = json_deep_copy(json_array_size(sources) ? sources : source);
	return read_revisions(request, json_object_get(sync, "revisions"), err) &&
		read_strategy(request, json_object_get(sync, "syncStrategy"), err) &&
		read_resources(request, json_object_get(sync, "resources"), err) &&
		read_options(request, json_object_get(sync, "syncOptions"), err);
}

static bool read_operation(struct sync_request *request, const json_t *operation, struct error *err)
{
	static const struct field fields[] = {{"sync", FIELD_OBJECT, NULL},
		{"initiatedBy", FIELD_OBJECT, NULL}, {"info", FIELD_LIST, NULL}, {"retry", FIELD_OBJECT, NULL}};
	const json_t *sync = json_object_get(operation, "sync");
	if (!json_is_object(operation))
		return error_set(err, ERROR_INVALID, "operation must be an object");
	if (!check_object(operation, "operation", fields, COUNT_OF(fields), err))
		return false;
	if (!json_is_object(sync)) /* {} is one: all that the Application says itself */
		return error_set(err, ERROR_INVALID,
			"invalid operation: sync is missing; `sync: {}` asks for a plain sync");
	return read_sync(request, sync, err) &&
		read_initiator(request, json_object_get(operation, "initiatedBy"), err) &&
		read_info(request, json_object_get(operation, "info"), err) &&
		read_retry(request, json_object_get(operation, "retry"), err);
}

bool sync_request_read(const json_t *operation, struct sync_request **request, struct error *err)
{
	struct sync_request *read = sync_request_new();
	if (!read_operation(read, operation, err)) {
		sync_request_free(read);
		return false;
	}
	read->document = json_deep_copy(operation);
	*request = read;
	return true;
}

/* ---- the document ---- */

static json_t *resource_list(const struct sync_request *request)
{
	json_t *list = json_array();
	for (size_t i = 0; i < request->resource_count; i++) {
		const struct sync_resource *resource = &request->resources[i];
		json_t *item = json_pack("{s:s, s:s}", "kind", resource->kind, "name", resource->name);
		json_set_text(item, "group", resource->group);
		json_set_text(item, "namespace", resource->namespace);
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *revision_list(const struct sync_request *request)
{
	json_t *list = json_array();
	for (size_t i = 0; i < request->revision_count; i++)
		json_array_append_new(list, json_string(request->revisions[i]));
	return list;
}

static json_t *sync_document(const struct sync_request *request)
{
	json_t *sync = json_object();
	json_set_text(sync, "revision", request->revision);
	if (request->prune)
		json_object_set_new(sync, "prune", json_true());
	if (request->dry_run)
		json_object_set_new(sync, "dryRun", json_true());
	if (request->apply_only || request->force)
		json_object_set_new(sync, "syncStrategy",
			json_pack("{s:{s:b}}", request->apply_only ? "apply" : "hook", "force", request->force));
	if (request->resource_count)
		json_object_set_new(sync, "resources", resource_list(request));
	if (request->revision_count)
		json_object_set_new(sync, "revisions", revision_list(request));
	if (request->source)
		json_object_set(sync, json_is_array(request->source) ? "sources" : "source", request->source);
	for (size_t i = 0; i < request->option_count; i++) {
		if (!i)
			json_object_set_new(sync, "syncOptions", json_array());
		json_array_append_new(json_object_get(sync, "syncOptions"), json_string(request->options[i]));
	}
	return sync;
}

static json_t *duration_value(int64_t milliseconds)
{
	CLEANUP(memory_freep) char *text = memory_printf("%lldms", (long long)milliseconds);
	return json_string(text);
}

static json_t *retry_document(const struct sync_retry *retry)
{
	json_t *backoff = json_pack("{s:o, s:o}", "duration", duration_value(retry->duration), "maxDuration",
		duration_value(retry->max));
	bool whole = retry->factor < INT32_MAX && retry->factor == (double)(int32_t)retry->factor;
	json_object_set_new(backoff, "factor",
		whole ? json_integer((json_int_t)retry->factor) : json_real(retry->factor));
	json_t *document = json_pack("{s:I, s:o}", "limit", (json_int_t)retry->limit, "backoff", backoff);
	if (retry->refresh)
		json_object_set_new(document, "refresh", json_true());
	return document;
}

json_t *sync_request_document(const struct sync_request *request)
{
	if (request->document)
		return json_deep_copy(request->document);
	json_t *by = request->automated ? json_pack("{s:b}", "automated", 1)
					: json_pack("{s:s}", "username", request->by);
	json_t *document = json_pack("{s:o, s:o}", "sync", sync_document(request), "initiatedBy", by);
	if (request->info)
		json_object_set(document, "info", request->info);
	if (request->retry.given)
		json_object_set_new(document, "retry", retry_document(&request->retry));
	return document;
}

bool sync_request_selects(const struct sync_request *request, const char *group, const char *kind,
	const char *namespace, const char *name)
{
	for (size_t i = 0; i < request->resource_count; i++) {
		const struct sync_resource *resource = &request->resources[i];
		if (strcmp(resource->kind, kind) == 0 && strcmp(resource->name, name) == 0 &&
			strcmp(resource->group, group) == 0 &&
			(!*resource->namespace || strcmp(resource->namespace, namespace) == 0))
			return true;
	}
	return !request->resource_count;
}
