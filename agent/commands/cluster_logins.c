/* cluster_logins.c - who of a cluster has a Secret of the operator's, and what is in it (zalando-operator.md) */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/cluster_place.h"
#include "agent/users/database_target.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

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
		.secret = arena_copy(mem, json_text_at(object, "metadata.name", "")),
		.namespace = arena_copy(mem, json_text_at(object, "metadata.namespace", ""))};
	if (!clock_parse(json_text_at(object, "metadata.creationTimestamp", ""), &login->created))
		login->created = 0;
	login->changed = changed(object, login->created);
	return true;
}

/* ---- which database is meant ---- */

/* Whose users it is one of. */
static const json_t *prepared_of(const json_t *postgresql, const char *user, const char **name)
{
	json_t *wanted;
	json_object_foreach (json_at(postgresql, "spec.preparedDatabases"), *name, wanted) {
		size_t length = strlen(*name);
		if (strncmp(user, *name, length) == 0 && user[length] == '_')
			return wanted;
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
	if (!all && prepared_of(postgresql, user, &database))
		all = arena_copy(mem, database);
	return !all && text_equal(user, superuser) ? "postgres" : all;
}

/* With enable_cross_namespace_secret the operator keeps the Secret of NAMESPACE.USER there (the role is called so, too), and those of a prepared
   database's users where its secretNamespace says (zalando-operator.md 4). NULL = in the cluster's namespace, where all are without it. */
static const char *elsewhere(
	const struct cluster_place *place, const json_t *postgresql, const char *user, struct arena *mem)
{
	const char *unused, *own = postgresql_user_namespace(user, mem);
	const json_t *prepared = own ? NULL : prepared_of(postgresql, user, &unused);
	const char *namespace = own ? own : arena_copy(mem, json_text_at(prepared, "secretNamespace", ""));
	return text_is_dns_label(namespace) && !text_equal(namespace, place->namespace) ? namespace : NULL;
}

/* The object is a hint: without it, or without the right to read it, the logins of its namespace are known all the same. */
static json_t *read_object(const struct cluster_place *place, struct arena *mem, struct error *err)
{
	json_t *found = NULL;
	const char *path = arena_printf(
		mem, "/apis/acid.zalan.do/v1/namespaces/%s/postgresqls/%s", place->namespace, place->name);
	if (cluster_place_get(place, path, false, &found, err))
		return found;
	cluster_place_refused("get", "postgresqls", place->namespace, err);
	return NULL;
}

/* ---- all of them ---- */

struct reading {
	const struct cluster_place *place;
	struct arena *mem;
	const json_t *postgresql; /* NULL = not known */
	struct cluster_logins *logins;
};

static void add(struct reading *reading, struct cluster_login login)
{
	struct cluster_logins *logins = reading->logins;
	login.database = database_of(
		reading->postgresql, cluster_login_usual(reading->place), login.user, reading->mem);
	logins->items = arena_grow(reading->mem, logins->items, logins->count, sizeof(*logins->items));
	logins->items[logins->count++] = login;
}

/* In another namespace there may be those of another cluster of this name. */
static bool list_in(struct reading *reading, const char *namespace, struct error *err)
{
	const struct cluster_place *place = reading->place;
	bool own = text_equal(namespace, place->namespace);
	struct cluster_listing secrets = {.plural = "secrets",
		.namespace = namespace,
		.selector = arena_printf(reading->mem, SELECTOR, place->name),
		.secret = true};
	const json_t *object;
	size_t i;
	if (!cluster_place_list(place, &secrets, reading->mem, err))
		return false;
	json_array_foreach (secrets.items, i, object) {
		struct cluster_login login;
		if (take(object, reading->mem, &login) &&
			(own ||
				text_equal(elsewhere(place, reading->postgresql, login.user, reading->mem),
					namespace)))
			add(reading, login);
	}
	json_decref(secrets.items);
	return true;
}

/* Who may not list them there sees at least who is to have one. */
static void take_from_object(struct reading *reading, const char *namespace)
{
	const struct operator_reference reference = reference_of(reading->place);
	json_t *users = json_at(reading->postgresql, "spec.users"), *flags;
	const char *user;
	json_object_foreach (users, user, flags)
		if (postgresql_user_logs_in(flags) &&
			text_equal(elsewhere(reading->place, NULL, user, reading->mem), namespace))
			add(reading,
				(struct cluster_login){.user = arena_copy(reading->mem, user),
					.secret = operator_secret_name(&reference, user, reading->mem),
					.namespace = namespace});
}

/* The other namespaces, each once. */
static size_t other_namespaces(const struct reading *reading, const char ***names)
{
	json_t *users = json_at(reading->postgresql, "spec.users"),
	       *prepared = json_at(reading->postgresql, "spec.preparedDatabases"), *unused;
	const char *key;
	size_t count = 0, kept = 0;
	const char **all = arena_array(
		reading->mem, json_object_size(users) + json_object_size(prepared) + 1, sizeof(*all));
	json_object_foreach (users, key, unused)
		all[count++] = elsewhere(reading->place, NULL, key, reading->mem);
	json_object_foreach (prepared, key, unused)
		all[count++] = elsewhere(reading->place, reading->postgresql,
			arena_printf(reading->mem, "%s_", key), reading->mem);
	for (size_t i = 0; i < count; i++) {
		bool before = !all[i];
		for (size_t j = 0; !before && j < kept; j++)
			before = text_equal(all[j], all[i]);
		if (!before)
			all[kept++] = all[i];
	}
	*names = all;
	return kept;
}

static void note(struct reading *reading, const char *text)
{
	reading->logins->note = arena_join(reading->mem, reading->logins->note, "\n", text);
}

static bool list_elsewhere(struct reading *reading, struct error *err)
{
	const char **namespaces;
	size_t count = other_namespaces(reading, &namespaces);
	for (size_t i = 0; i < count; i++) {
		if (list_in(reading, namespaces[i], err))
			continue;
		if (err->kind != ERROR_DENIED)
			return false;
		take_from_object(reading, namespaces[i]);
		note(reading, err->text);
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct cluster_login *)a)->user, ((const struct cluster_login *)b)->user);
}

bool cluster_logins_read(const struct cluster_place *place, struct arena *mem, struct cluster_logins *logins,
	struct error *err)
{
	struct error why = {0};
	CLEANUP(json_done) json_t *postgresql = read_object(place, mem, &why);
	struct reading reading = {.place = place, .mem = mem, .postgresql = postgresql, .logins = logins};
	if (!list_in(&reading, place->namespace, err) || !list_elsewhere(&reading, err))
		return false;
	if (!postgresql && why.kind != ERROR_MISSING)
		note(&reading,
			arena_printf(mem,
				"%s: whether there are logins with a Secret in another namespace is not known",
				why.text));
	if (logins->count)
		qsort(logins->items, logins->count, sizeof(*logins->items), compare);
	return true;
}

/* ---- one login with its password ---- */

static bool read_secret(const struct cluster_place *place, const char *namespace, const char *name,
	struct arena *mem, struct cluster_login *login, struct secret *password, struct error *err)
{
	CLEANUP(json_done) json_t *object = NULL;
	const char *path = arena_printf(mem, "/api/v1/namespaces/%s/secrets/%s", namespace, name);
	if (!cluster_place_get(place, path, true, &object, err))
		return cluster_place_refused("get", "secrets", namespace, err);
	const char *encoded = json_text_at(object, "data.password", "");
	if (!take(object, mem, login) || !secret_set_base64(password, encoded, strlen(encoded)))
		return error_set(
			err, ERROR_INVALID, "Secret %s/%s has no username and password", namespace, name);
	return true;
}

/* Where the operator would have it, then in the cluster's own namespace: whether the operator may keep it elsewhere is not known from here. */
static bool read_either(const struct cluster_place *place, const char *other, const char *name,
	struct arena *mem, struct cluster_login *login, struct secret *password, struct error *err)
{
	struct error first = {0};
	if (other && read_secret(place, other, name, mem, login, password, &first))
		return true;
	if (read_secret(place, place->namespace, name, mem, login, password, err))
		return true;
	if (other && first.kind != ERROR_MISSING)
		*err = first;
	return false;
}

/* Its name is made by another template, or it was rotated: then its user is called otherwise than it. */
static bool find_listed(const struct cluster_place *place, const char *user, struct arena *mem,
	struct cluster_login *found, struct error *err)
{
	struct cluster_logins logins = {0};
	if (!cluster_logins_read(place, mem, &logins, err))
		return false;
	for (size_t i = 0; i < logins.count; i++)
		if (text_equal(logins.items[i].user, user)) {
			*found = logins.items[i];
			return true;
		}
	return error_set(err, ERROR_MISSING,
		"%s/%s has no login %s of the operator's: `pgitops cluster credentials %s` shows which it has%s%s",
		place->namespace, place->name, user, place->named, logins.note ? "; " : "",
		logins.note ? logins.note : "");
}

bool cluster_login_find(const struct cluster_place *place, const char *user, struct arena *mem,
	struct cluster_login *login, struct secret *password, struct error *err)
{
	const struct operator_reference reference = reference_of(place);
	const char *name = operator_secret_name(&reference, user, mem);
	struct error ignored;
	struct cluster_login listed = {0};
	CLEANUP(json_done) json_t *postgresql = read_object(place, mem, &ignored);
	const char *other = elsewhere(place, postgresql, user, mem);
	bool possible = text_is_dns_subdomain(name);
	bool ok = possible && read_either(place, other, name, mem, login, password, err);
	if (!ok && possible && err->kind != ERROR_MISSING)
		return false;
	if (!ok &&
		!(find_listed(place, user, mem, &listed, err) &&
			read_secret(place, listed.namespace, listed.secret, mem, login, password, err)))
		return false;
	login->database = database_of(postgresql, reference.superuser, user, mem);
	return true;
}
