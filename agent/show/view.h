/*
 * view.h - the documents that commands, API and page show, read from the store (INTERFACES 3 and 4)
 *
 * One place makes them, so `pgitops app get -o json`, GET /api/v1/applications/NAME and the page cannot disagree. All return
 * a new reference, or NULL with `err`.
 */
#pragma once

#include "store/store.h"

json_t *view_applications(struct store *store, struct error *err);      /* {"items":[Application...]} */
json_t *view_application_heads(struct store *store, struct error *err); /* without the rows of their objects */
json_t *view_application(
	struct store *store, const char *name, struct error *err); /* Application; ERROR_MISSING */
json_t *view_application_diff(struct store *store, const char *name, struct error *err); /* {"items":[...]} */
/* {"items":[...]}: status.resources with what the last operation said of each, and that operation's hooks. */
json_t *view_application_resources(struct store *store, const char *name, struct error *err);
/* `id` is that of status.history, which `app rollback` takes; null = there is no way back to it. */
json_t *view_history(struct store *store, const char *name, struct error *err); /* {"items":[{id,commit,...}]} */
json_t *view_users(struct store *store, struct error *err);                     /* {"items":[user...]} */
/* {"count", "items":[{name, database, login, superuser, referenced, reason}]}: roles that are not ours, of each database the first 500. */
json_t *view_unmanaged(struct store *store, struct error *err);
json_t *view_user_changes(
	struct store *store, const struct store_user_change_filter *filter, struct error *err);
json_t *view_databases(struct store *store, struct error *err);
json_t *view_drift(struct store *store, const struct store_drift_filter *filter, struct error *err);
json_t *view_operation(struct store *store, int64_t id, struct error *err);
json_t *view_status(
	struct store *store, struct error *err); /* {agent, applications, databases, users, drift, errors} */

/* One of the Application's sources; NULL = it has not so many. Borrowed. */
const json_t *view_source(const json_t *application, size_t source);

/* The items of view_application_resources() from an Application object; a new reference (view_resources.c). */
json_t *view_resources(const json_t *application);

/* The reason of each database is what its last pass has to say, and why the newest users are not in force. A new reference to the list. */
json_t *view_join_reasons(json_t *databases);
