#include "agent/show/view.h"

#include <string.h>

#include "agent/commits.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

enum {
	VIEW_MEMORY = 1024 * 1024 * 1024, /* rows of one answer; what is in the store is bounded by limits.h */
	STATUS_DRIFT = 10
};

static void set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_text(text));
}

/* null while it has not happened. */
static void set_time(json_t *object, const char *key, int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	if (time)
		clock_text(time, text);
	json_object_set_new(object, key, time ? json_string(text) : json_null());
}

static void set_number(json_t *object, const char *key, int64_t number)
{
	json_object_set_new(object, key, json_integer(number));
}

/* NULL, with the error that is set, stays NULL. */
static json_t *list_of(json_t *items)
{
	return items ? json_pack("{s:o}", "items", items) : NULL;
}

/* What the agent wrote itself: unreadable is a damaged store, not somebody's mistake. */
static json_t *parse(const char *text, const char *what, const char *name, struct error *err)
{
	json_t *value;
	if (json_read(text, strlen(text), &value, err))
		return value;
	error_prefix(err, "%s %s in the store", what, name);
	return NULL;
}

static bool append(json_t *items, const char *text, const char *what, const char *name, struct error *err)
{
	json_t *value = parse(text, what, name, err);
	return value && json_array_append_new(items, value) == 0;
}

/* ---- applications ---- */

/* `list` says how much of each. */
typedef bool application_list(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err);

static json_t *applications(struct store *store, application_list *list, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	struct store_application *rows;
	size_t count;
	if (!list(store, mem, &rows, &count, err))
		return NULL;
	CLEANUP(json_done) json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		if (!append(items, rows[i].document, "application", rows[i].name, err))
			return NULL;
	return json_incref(items);
}

json_t *view_applications(struct store *store, struct error *err)
{
	return list_of(applications(store, store_application_list, err));
}

json_t *view_application_heads(struct store *store, struct error *err)
{
	return list_of(applications(store, store_application_heads, err));
}

json_t *view_application(struct store *store, const char *name, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	struct store_application row;
	if (!store_application_get(store, name, mem, &row, err))
		return NULL;
	return parse(row.document, "application", name, err);
}

json_t *view_application_diff(struct store *store, const char *name, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	struct store_application row;
	if (!store_application_get(store, name, mem, &row, err))
		return NULL;
	return list_of(parse(*row.differences ? row.differences : "[]", "differences of", name, err));
}

json_t *view_application_resources(struct store *store, const char *name, struct error *err)
{
	CLEANUP(json_done) json_t *application = view_application(store, name, err);
	return application ? list_of(view_resources(application)) : NULL;
}

const json_t *view_source(const json_t *application, size_t source)
{
	const json_t *list = json_at(application, "spec.sources");
	if (json_array_size(list))
		return json_array_get(list, source);
	return source ? NULL : json_at(application, "spec.source");
}

static json_t *revision_item(const struct store_revision *row)
{
	json_t *item = json_object();
	json_object_set_new(item, "id", json_null());
	set(item, "application", row->application);
	set(item, "commit", row->commit);
	if (commits_count(row->commit) > 1)
		json_object_set_new(item, "revisions", commits_list(row->commit));
	set(item, "author", row->author);
	set(item, "message", row->message);
	set_time(item, "started", row->started);
	set_time(item, "finished", row->finished);
	set(item, "phase", row->phase);
	set(item, "trigger", row->trigger);
	set(item, "text", row->text);
	set_number(item, "created", row->created);
	set_number(item, "configured", row->configured);
	set_number(item, "unchanged", row->unchanged);
	set_number(item, "pruned", row->pruned);
	set_number(item, "failed", row->failed);
	set_number(item, "times", row->times);
	return item;
}

/* status.history tells time in seconds. */
static bool is_deployment(const struct store_revision *row, const json_t *entry)
{
	char started[CLOCK_TEXT_SIZE], commits[COMMITS_SIZE];
	clock_text_seconds(row->started, started);
	commits_read(entry, commits);
	return text_equal(row->phase, "Succeeded") && text_equal(row->commit, commits) &&
		text_equal(started, json_text_at(entry, "deployStartedAt", ""));
}

/* Both are in the order in which it happened, rows newest first, so one walk finds each entry's row. */
static void name_deployments(json_t *items, const struct store_revision *rows, const json_t *history)
{
	size_t row = 0, count = json_array_size(items);
	for (size_t i = json_array_size(history); i-- > 0;) {
		const json_t *entry = json_array_get(history, i);
		size_t found = row;
		while (found < count && !is_deployment(&rows[found], entry))
			found++;
		if (found == count) /* its row is not kept any more */
			continue;
		set_number(json_array_get(items, found), "id", json_number_at(entry, "id", 0));
		row = found + 1;
	}
}

json_t *view_history(struct store *store, const char *name, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	CLEANUP(json_done) json_t *application = view_application(store, name, err);
	struct store_revision *rows;
	size_t count;
	if (!application || !store_revision_list(store, name, LIMIT_HISTORY_ROWS, mem, &rows, &count, err))
		return NULL;
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, revision_item(&rows[i]));
	name_deployments(items, rows, json_at(application, "status.history"));
	return list_of(items);
}

/* ---- users and databases ---- */

static json_t *users(struct store *store, struct arena *mem, struct error *err)
{
	struct store_user *rows;
	size_t count;
	if (!store_user_list(store, NULL, mem, &rows, &count, err))
		return NULL;
	CLEANUP(json_done) json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		if (!append(items, rows[i].document, "user", rows[i].name, err))
			return NULL;
	return json_incref(items);
}

json_t *view_users(struct store *store, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	return list_of(users(store, mem, err));
}

static json_t *databases(struct store *store, struct arena *mem, struct error *err)
{
	struct store_database *rows;
	size_t count;
	if (!store_database_list(store, mem, &rows, &count, err))
		return NULL;
	CLEANUP(json_done) json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		if (!append(items, rows[i].document, "database", rows[i].name, err))
			return NULL;
	return view_join_reasons(items);
}

json_t *view_databases(struct store *store, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	return list_of(databases(store, mem, err));
}

/* ---- drift ---- */

static json_t *drift_item(const struct store_drift *row)
{
	json_t *item = json_object();
	set_number(item, "id", row->id);
	set(item, "application", row->application);
	set_time(item, "time", row->time);
	if (*row->user) {
		json_t *user = json_make_object(item, "user");
		set(user, "database", row->database);
		set(user, "name", row->user);
	} else {
		json_t *object = json_make_object(item, "object");
		set(object, "group", row->group);
		set(object, "kind", row->kind);
		set(object, "namespace", row->namespace);
		set(object, "name", row->name);
	}
	set(item, "field", row->field);
	set(item, "wanted", row->wanted);
	set(item, "found", row->found);
	set(item, "by", row->by);
	set_time(item, "healed", row->healed);
	return item;
}

static json_t *drift(
	struct store *store, const struct store_drift_filter *filter, struct arena *mem, struct error *err)
{
	struct store_drift *rows;
	size_t count;
	if (!store_drift_list(store, filter, mem, &rows, &count, err))
		return NULL;
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, drift_item(&rows[i]));
	return items;
}

json_t *view_drift(struct store *store, const struct store_drift_filter *filter, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	return list_of(drift(store, filter, mem, err));
}

/* ---- operations ---- */

/* What was asked for and what came out are JSON of the agent's; "" = nothing there. */
static void set_document(json_t *item, const char *key, const char *text)
{
	struct error ignored;
	json_t *value = NULL;
	if (!*text || !json_read(text, strlen(text), &value, &ignored))
		value = json_null();
	json_object_set_new(item, key, value);
}

static json_t *operation_item(const struct store_operation *row)
{
	json_t *item = json_object();
	set_number(item, "id", row->id);
	set(item, "kind", row->kind);
	set(item, "target", row->target);
	set(item, "by", row->by);
	set_document(item, "request", row->request);
	set_time(item, "started", row->started);
	set_time(item, "finished", row->finished);
	set(item, "phase", row->phase);
	set(item, "message", row->message);
	set_document(item, "result", row->result);
	return item;
}

json_t *view_operation(struct store *store, int64_t id, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	struct store_operation row;
	if (!store_operation_get(store, id, mem, &row, err))
		return NULL;
	return operation_item(&row);
}

/* ---- status: one screen ---- */

static void add_error(json_t *errors, const char *where, const char *name, const char *type,
	const char *message, const char *time)
{
	json_t *item = json_object();
	set(item, "where", where);
	set(item, "name", name);
	set(item, "type", type);
	set(item, "message", message);
	json_object_set_new(item, "time", *time ? json_string(time) : json_null());
	json_array_append_new(errors, item);
}

/* Condition types that end in Error are errors, as in Argo CD; a failed operation says so in its phase. */
static void application_errors(const json_t *application, json_t *errors)
{
	const char *name = json_text_at(application, "metadata.name", "");
	const char *phase = json_text_at(application, "status.operationState.phase", "");
	const json_t *condition;
	size_t i;

	json_array_foreach (json_at(application, "status.conditions"), i, condition) {
		const char *type = json_text_at(condition, "type", "");
		if (text_ends(type, "Error"))
			add_error(errors, "application", name, type, json_text_at(condition, "message", ""),
				json_text_at(condition, "lastTransitionTime", ""));
	}
	if (text_equal(phase, "Failed") || text_equal(phase, "Error"))
		add_error(errors, "application", name, "sync",
			json_text_at(application, "status.operationState.message", ""),
			json_text_at(application, "status.operationState.finishedAt", ""));
}

static void database_errors(const json_t *database, json_t *errors)
{
	const char *status = json_text_at(database, "status", "");
	if (!text_equal(status, "Connected"))
		add_error(errors, "database", json_text_at(database, "name", ""), status,
			json_text_at(database, "reason", ""), json_text_at(database, "lastPass", ""));
}

/* The agent file may have lost the database since. */
static bool is_among(const json_t *databases, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach (databases, i, item)
		if (text_equal(json_text_at(item, "name", ""), name))
			return true;
	return !*name;
}

/* Syncs of applications stand in their own operationState. */
static bool operation_errors(
	struct store *store, const json_t *databases, struct arena *mem, json_t *errors, struct error *err)
{
	struct store_operation *rows;
	size_t count;
	if (!store_operation_failures(store, mem, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		char time[CLOCK_TEXT_SIZE] = "";
		if (!is_among(databases, rows[i].target))
			continue;
		if (rows[i].finished)
			clock_text(rows[i].finished, time);
		add_error(errors, "operation", *rows[i].target ? rows[i].target : "all databases",
			rows[i].kind, rows[i].message, time);
	}
	return true;
}

static json_t *application_summary(const json_t *application)
{
	char commits[COMMITS_SIZE];
	json_t *item = json_object();
	set(item, "name", json_text_at(application, "metadata.name", ""));
	set(item, "sync", json_text_at(application, "status.sync.status", "Unknown"));
	set(item, "health", json_text_at(application, "status.health.status", "Unknown"));
	commits_read(json_at(application, "status.sync"), commits);
	set(item, "revision", commits);
	set(item, "path", json_text_at(view_source(application, 0), "path", ""));
	set(item, "operation", json_text_at(application, "status.operationState.phase", ""));
	set(item, "reconciledAt", json_text_at(application, "status.reconciledAt", ""));
	set_number(item, "resources", (int64_t)json_array_size(json_at(application, "status.resources")));
	return item;
}

static json_t *user_summary(const json_t *items)
{
	json_t *summary = json_object();
	json_t *counts = json_make_object(summary, "byStatus");
	json_t *rest = json_array();
	json_t *user;
	size_t i;

	json_array_foreach (items, i, user) {
		const char *status = json_text_at(user, "status", "Unknown");
		set_number(counts, status, json_integer_value(json_object_get(counts, status)) + 1);
		if (!text_equal(status, "Synced"))
			json_array_append(rest, user);
	}
	set_number(summary, "total", (int64_t)json_array_size(items));
	json_object_set_new(summary, "notSynced", rest);
	return summary;
}

/* Only where the agent file has one. */
static bool set_lease(struct store *store, struct arena *mem, json_t *agent, struct error *err)
{
	const char *text;
	json_t *lease = NULL;
	struct error damaged;
	if (!store_fact_get(store, "lease", mem, &text, err))
		return false;
	if (text && json_read(text, strlen(text), &lease, &damaged))
		json_object_set_new(agent, "lease", lease);
	return true;
}

static bool agent_summary(struct store *store, struct arena *mem, json_t *agent, struct error *err)
{
	static const struct {
		const char *field, *fact;
	} facts[] = {{"version", "agent.version"}, {"started", "agent.started"}, {"cluster", "cluster"}};
	for (size_t i = 0; i < COUNT_OF(facts); i++) {
		const char *value;
		if (!store_fact_get(store, facts[i].fact, mem, &value, err))
			return false;
		set(agent, facts[i].field, value);
	}
	return set_lease(store, mem, agent, err);
}

/* `status` gets its parts one after the other; false at the first that cannot be read. */
static bool fill_status(struct store *store, struct arena *mem, json_t *status, struct error *err)
{
	struct store_drift_filter open = {.open_only = true, .limit = STATUS_DRIFT};
	CLEANUP(json_done) json_t *all = applications(store, store_application_list, err);
	CLEANUP(json_done) json_t *people = all ? users(store, mem, err) : NULL;
	json_t *places = people ? databases(store, mem, err) : NULL;
	json_t *changed = places ? drift(store, &open, mem, err) : NULL;
	const json_t *item;
	size_t i, open_count;

	if (!changed || !store_drift_count_open(store, &open_count, err)) {
		json_decref(changed);
		json_decref(places);
		return false;
	}
	json_t *summaries = json_array();
	json_t *errors = json_array();
	json_array_foreach (all, i, item) {
		json_array_append_new(summaries, application_summary(item));
		application_errors(item, errors);
	}
	json_array_foreach (places, i, item)
		database_errors(item, errors);
	json_object_set_new(status, "applications", summaries);
	json_object_set_new(status, "databases", places);
	json_object_set_new(status, "users", user_summary(people));
	json_t *open_drift = json_make_object(status, "drift");
	set_number(open_drift, "open", (int64_t)open_count);
	json_object_set_new(open_drift, "items", changed);
	json_object_set_new(status, "errors", errors);
	return operation_errors(store, places, mem, errors, err);
}

json_t *view_status(struct store *store, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(VIEW_MEMORY);
	CLEANUP(json_done) json_t *status = json_object();
	if (!store_begin(store, err))
		return NULL;
	bool filled = agent_summary(store, mem, json_make_object(status, "agent"), err) &&
		fill_status(store, mem, status, err);
	if (!filled) {
		store_rollback(store);
		return NULL;
	}
	return store_commit(store, err) ? json_incref(status) : NULL;
}
