/* postgresql_users.c - users that the operator answers with none at all (zalando-operator.md 2.2) */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/postgresql_internal.h"

enum { FLAGS_MAXIMUM = 100 };

/* Parts of [a-z0-9]([-_a-z0-9]*[a-z0-9])?, joined by dots. */
static bool is_user_name(const char *name)
{
	char before = '.';
	for (const char *at = name; *at; before = *at++) {
		bool alphanumeric = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
		bool joins = *at == '-' || *at == '_';
		if (!alphanumeric && !joins && *at != '.')
			return false;
		if ((joins && before == '.') ||
			(*at == '.' && (before == '.' || before == '-' || before == '_')))
			return false;
	}
	return before != '.' && before != '-' && before != '_';
}

/* The name of a user's Secret has no '_'. */
static const char *secret_name(const char *user, struct arena *mem)
{
	char *name = arena_copy(mem, user);
	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : *at;
	return name;
}

struct named {
	const char *user, *secret;
};

static int by_secret(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->secret, right->secret);
	return order ? order : strcmp(left->user, right->user);
}

static void check_secrets(struct refusals *refusals, json_t *users)
{
	const char *name;
	json_t *unused;
	size_t count = 0;
	struct named *names = arena_array(refusals->mem, json_object_size(users) + 1, sizeof(*names));
	json_object_foreach (users, name, unused) {
		names[count].user = name;
		names[count++].secret = secret_name(name, refusals->mem);
	}
	if (count)
		qsort(names, count, sizeof(*names), by_secret);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i - 1].secret, names[i].secret) == 0)
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users: %.100s and %.100s would share one Secret and the cluster's creation fails; rename one",
					names[i - 1].user, names[i].user));
}

static bool contradicts(const json_t *flags)
{
	size_t i, j;
	const json_t *a, *b;
	if (json_array_size(flags) > FLAGS_MAXIMUM) /* there are some ten; the schema refuses others */
		return false;
	json_array_foreach (flags, i, a)
		json_array_foreach (flags, j, b) {
			const char *positive = json_string_value(a);
			const char *negative = json_string_value(b);
			if (positive && negative && strncasecmp(negative, "no", 2) == 0 &&
				strcasecmp(negative + 2, positive) == 0)
				return true;
		}
	return false;
}

bool postgresql_user_logs_in(const json_t *flags)
{
	size_t i;
	const json_t *flag;
	json_array_foreach (flags, i, flag)
		if (json_is_string(flag) && strcasecmp(json_string_value(flag), "nologin") == 0)
			return false;
	return true;
}

const char *postgresql_user_namespace(const char *user, struct arena *mem)
{
	const char *dot = strchr(user, '.');
	const char *namespace = dot ? arena_copy_n(mem, user, (size_t)(dot - user)) : "";
	return text_is_dns_label(namespace) ? namespace : NULL;
}

void refuse_users(struct refusals *refusals)
{
	json_t *users = json_at(refusals->wanted, "spec.users");
	const char *name;
	json_t *flags;
	json_object_foreach (users, name, flags) {
		if (json_is_null(flags))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s is null: server-side apply drops it and the user is never made; write %.100s: []",
					name, name));
		if (!is_user_name(name))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s: the operator refuses this name, and with it every user of the cluster; use a-z, 0-9, - and _",
					name));
		if (contradicts(flags))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s: its flags contradict each other", name));
	}
	check_secrets(refusals, users);
}
