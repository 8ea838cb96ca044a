/* cluster_logins.c - who of a cluster has a Secret of the operator's, and what is in it (zalando-operator.md) */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/cluster_place.h"
#include "agent/users/database_target.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

/* The pooler's Secret is no login of a person. */
#define SELECTOR "cluster-name=%s,application notin (db-connection-pooler)"

static struct operator_reference reference_of(const struct cluster_place *place)
{
	struct operator_reference usual = {.namespace = place->namespace,
		.name = place->name,
		.superuser = "postgres",
		.secret_template = OPERATOR_SECRET_TEMPLATE};
	const struct patroni_cluster asked = {.namespace = place->namespace, .name = place->name};
	const struct database_config *entry = cluster_entry(&place->source, &asked);
	return entry && entry->cluster.name ? entry->cluster : usual;
}

const char *cluster_login_usual(const struct cluster_place *place)
{
	return reference_of(place).superuser;
}

/* ---- one Secret ---- */

/* When its values were written last: whoever owns fields of it says when it wrote them. */
static int64_t changed(const json_t *object, int64_t created)
{
	int64_t last = created, time;
	const json_t *entry;
	size_t i;
	json_array_foreach (json_at(object, "metadata.managedFields"), i, entry)
		if (json_object_get(json_object_get(entry, "fieldsV1"), "f:data") &&
			clock_parse(json_text_at(entry, "time", ""), &time) && time > last)
			last = time;
	return last;
}

/* False = it is no login: it has no user, or no password. */
static bool take(const json_t *object, struct arena *mem, struct cluster_login *login)
{
	const json_t *data = json_object_get(object, "data");
	const char *encoded = json_text_at(data, "username", "");
	CLEANUP(secret_done) struct secret user = {0};
	if (!json_object_get(data, "password") || !secret_set_base64(&user, encoded, strlen(encoded)) ||
		!user.length || strlen(user.bytes) != user.length || user.length > LIMIT_ROLE_NAME ||
		!text_is_utf8(user.bytes, user.length))
		return false;
	*login = (struct cluster_login){.user = arena_copy(mem, user.bytes),
		.secret = arena_copy(mem, json_text_at(object, "metadata.name", ""))};
	if (!clock_parse(json_text_at(object, "metadata.creationTimestamp", ""), &login->created))
		login->created = 0;
	login->changed = changed(object, login->created);
	return true;
}

/* ---- which database is meant ---- */

static const char *of_prepared(const json_t *prepared, const char *user, struct arena *mem)
{
	const char *database;
	json_t *wanted;
	json_object_foreach ((json_t *)(uintptr_t)prepared, database, wanted) {
		size_t length = strlen(database);
		if (strncmp(user, database, length) == 0 && user[length] == '_')
			return arena_copy(mem, database);
	}
	return NULL;
}

/* It owns one, or is one of those that a prepared database gets; the superuser has the one that is always there. */
static const char *database_of(
	const json_t *postgresql, const char *superuser, const char *user, struct arena *mem)
{
	const char *database, *all = NULL;
	json_t *owner;
	json_object_foreach (json_at(postgresql, "spec.databases"), database, owner)
		if (json_is_string(owner) && text_equal(json_string_value(owner), user))
			all = arena_join(mem, all, ", ", database);
	if (!all)
		all = of_prepared(json_at(postgresql, "spec.preparedDatabases"), user, mem);
	return !all && text_equal(user, superuser) ? "postgres" : all;
}

/* The object is a hint: without it, or without the right to read it, the logins are known all the same. */
static json_t *read_object(const struct cluster_place *place, struct arena *mem)
{
	json_t *found = NULL;
	struct error ignored;
	const char *path = arena_printf(
		mem, "/apis/acid.zalan.do/v1/namespaces/%s/postgresqls/%s", place->namespace, place->name);
	return cluster_place_get(place, path, false, &found, &ignored) ? found : NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct cluster_login *)a)->user, ((const struct cluster_login *)b)->user);
}

bool cluster_logins_read(const struct cluster_place *place, struct arena *mem, struct cluster_logins *logins,
	struct error *err)
{
	struct cluster_listing secrets = {
		.plural = "secrets", .selector = arena_printf(mem, SELECTOR, place->name), .secret = true};
	const json_t *object;
	size_t i;
	if (!cluster_place_list(place, &secrets, mem, err))
		return false;
	CLEANUP(json_done) json_t *postgresql = read_object(place, mem);
	const char *superuser = cluster_login_usual(place);
	json_array_foreach (secrets.items, i, object) {
		struct cluster_login login;
		if (!take(object, mem, &login))
			continue;
		login.database = database_of(postgresql, superuser, login.user, mem);
		logins->items = arena_grow(mem, logins->items, logins->count, sizeof(*logins->items));
		logins->items[logins->count++] = login;
	}
	json_decref(secrets.items);
	if (logins->count)
		qsort(logins->items, logins->count, sizeof(*logins->items), compare);
	return true;
}

/* ---- one login with its password ---- */

static bool read_secret(const struct cluster_place *place, const char *name, struct arena *mem,
	struct cluster_login *login, struct secret *password, struct error *err)
{
	CLEANUP(json_done) json_t *object = NULL;
	const char *path = arena_printf(mem, "/api/v1/namespaces/%s/secrets/%s", place->namespace, name);
	if (!cluster_place_get(place, path, true, &object, err))
		return cluster_place_refused("get", "secrets", place->namespace, err);
	const char *encoded = json_text_at(object, "data.password", "");
	if (!take(object, mem, login) || !secret_set_base64(password, encoded, strlen(encoded)))
		return error_set(err, ERROR_INVALID, "Secret %s/%s has no username and password",
			place->namespace, name);
	return true;
}

/* Its name is made by another template, or it was rotated: then its user is called otherwise than it. */
static bool find_name(const struct cluster_place *place, const char *user, struct arena *mem,
	const char **name, struct error *err)
{
	struct cluster_logins logins = {0};
	if (!cluster_logins_read(place, mem, &logins, err))
		return false;
	for (size_t i = 0; i < logins.count; i++)
		if (text_equal(logins.items[i].user, user)) {
			*name = logins.items[i].secret;
			return true;
		}
	return error_set(err, ERROR_MISSING,
		"%s/%s has no login %s of the operator's: `pgitops cluster credentials %s` shows which it has",
		place->namespace, place->name, user, place->named);
}

bool cluster_login_find(const struct cluster_place *place, const char *user, struct arena *mem,
	struct cluster_login *login, struct secret *password, struct error *err)
{
	const struct operator_reference reference = reference_of(place);
	const char *name = operator_secret_name(&reference, user, mem);
	bool possible = text_is_dns_subdomain(name);
	bool ok = possible && read_secret(place, name, mem, login, password, err);
	if (!ok && possible && err->kind != ERROR_MISSING)
		return false;
	if (!ok &&
		!(find_name(place, user, mem, &name, err) &&
			read_secret(place, name, mem, login, password, err)))
		return false;
	CLEANUP(json_done) json_t *postgresql = read_object(place, mem);
	login->database = database_of(postgresql, reference.superuser, user, mem);
	return true;
}
