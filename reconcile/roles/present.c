#include "reconcile/roles/present.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MARK_GROUP_WORD " group"
#define MARK_RETIRING_WORD " retiring"
#define MARK_LEAVING_WORD " leaving"

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_roles(const void *a, const void *b)
{
	return strcmp(((const struct role *)a)->name, ((const struct role *)b)->name);
}

static int compare_databases(const void *a, const void *b)
{
	return strcmp(((const struct database *)a)->name, ((const struct database *)b)->name);
}

static int compare_memberships(const void *a, const void *b)
{
	const struct membership *left = a, *right = b;
	int order = compare_numbers(left->member, right->member);
	if (!order)
		order = compare_numbers(left->role, right->role);
	return order ? order : compare_numbers(left->grantor, right->grantor);
}

static int compare_connects(const void *a, const void *b)
{
	const struct connect_grant *left = a, *right = b;
	int order = compare_numbers(left->grantee, right->grantee);
	if (!order)
		order = compare_numbers(left->database, right->database);
	return order ? order : compare_numbers(left->grantor, right->grantor);
}

static int compare_settings(const void *a, const void *b)
{
	const struct role_setting *left = a, *right = b;
	int order = compare_numbers(left->role, right->role);
	if (!order)
		order = compare_numbers(left->database, right->database);
	return order ? order : strcmp(left->name, right->name);
}

static int compare_dependencies(const void *a, const void *b)
{
	const struct dependency *left = a, *right = b;
	int order = compare_numbers(left->role, right->role);
	if (!order)
		order = compare_numbers(left->database, right->database);
	return order ? order : left->owned - right->owned;
}

static int compare_belongings(const void *a, const void *b)
{
	const struct belonging *left = a, *right = b;
	int order = compare_numbers(left->role, right->role);
	if (!order)
		order = (int)left->kind - (int)right->kind;
	return order ? order : strcmp(left->name, right->name);
}

static int compare_indexes(const void *a, const void *b, void *roles)
{
	const struct role *all = roles;
	return compare_numbers(all[*(const uint32_t *)a].oid, all[*(const uint32_t *)b].oid);
}

static void sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count)
		qsort(items, count, size, compare);
}

void present_sort_dependencies(struct roles_present *present)
{
	sort(present->dependencies, present->dependency_count, sizeof(*present->dependencies),
		compare_dependencies);
	sort(present->belongings, present->belonging_count, sizeof(*present->belongings), compare_belongings);
}

void present_index(struct roles_present *present, struct arena *mem)
{
	sort(present->roles, present->role_count, sizeof(*present->roles), compare_roles);
	sort(present->databases, present->database_count, sizeof(*present->databases), compare_databases);
	sort(present->memberships, present->membership_count, sizeof(*present->memberships),
		compare_memberships);
	sort(present->connects, present->connect_count, sizeof(*present->connects), compare_connects);
	sort(present->settings, present->setting_count, sizeof(*present->settings), compare_settings);
	present_sort_dependencies(present);
	present->by_oid = arena_array(mem, present->role_count + 1, sizeof(*present->by_oid));
	for (size_t i = 0; i < present->role_count; i++)
		present->by_oid[i] = (uint32_t)i;
	if (present->role_count)
		qsort_r(present->by_oid, present->role_count, sizeof(*present->by_oid), compare_indexes,
			present->roles);
}

const struct role *present_role(const struct roles_present *present, const char *name)
{
	struct role key = {.name = name};
	if (!present->role_count)
		return NULL;
	return bsearch(&key, present->roles, present->role_count, sizeof(key), compare_roles);
}

const struct role *present_role_by_oid(const struct roles_present *present, uint32_t oid)
{
	size_t low = 0, high = present->role_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct role *role = &present->roles[present->by_oid[middle]];
		if (role->oid == oid)
			return role;
		if (role->oid < oid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct database *present_database(const struct roles_present *present, const char *name)
{
	struct database key = {.name = name};
	if (!present->database_count)
		return NULL;
	return bsearch(&key, present->databases, present->database_count, sizeof(key), compare_databases);
}

const struct database *present_database_by_oid(const struct roles_present *present, uint32_t oid)
{
	for (size_t i = 0; i < present->database_count; i++)
		if (present->databases[i].oid == oid)
			return &present->databases[i];
	return NULL;
}

/* The first row whose leading number (at `offset`) is `key`, and how many have it. */
static size_t rows_of(const void *items, size_t count, size_t size, size_t offset, uint32_t key, size_t *found)
{
	const char *bytes = items;
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t value;
		memcpy(&value, bytes + middle * size + offset, sizeof(value));
		if (value < key)
			low = middle + 1;
		else
			high = middle;
	}
	*found = 0;
	for (size_t i = low; i < count; i++, ++*found) {
		uint32_t value;
		memcpy(&value, bytes + i * size + offset, sizeof(value));
		if (value != key)
			break;
	}
	return low;
}

const struct membership *present_memberships(const struct roles_present *present, uint32_t member, size_t *count)
{
	size_t first = rows_of(present->memberships, present->membership_count, sizeof(*present->memberships),
		offsetof(struct membership, member), member, count);
	return *count ? &present->memberships[first] : NULL;
}

const struct role_setting *present_settings(const struct roles_present *present, uint32_t role, size_t *count)
{
	size_t first = rows_of(present->settings, present->setting_count, sizeof(*present->settings),
		offsetof(struct role_setting, role), role, count);
	return *count ? &present->settings[first] : NULL;
}

const struct connect_grant *present_connects(
	const struct roles_present *present, uint32_t grantee, size_t *count)
{
	size_t first = rows_of(present->connects, present->connect_count, sizeof(*present->connects),
		offsetof(struct connect_grant, grantee), grantee, count);
	return *count ? &present->connects[first] : NULL;
}

const struct dependency *present_dependencies(const struct roles_present *present, uint32_t role, size_t *count)
{
	size_t first = rows_of(present->dependencies, present->dependency_count,
		sizeof(*present->dependencies), offsetof(struct dependency, role), role, count);
	return *count ? &present->dependencies[first] : NULL;
}

const struct belonging *present_belongings(const struct roles_present *present, uint32_t role, size_t *count)
{
	size_t first = rows_of(present->belongings, present->belonging_count, sizeof(*present->belongings),
		offsetof(struct belonging, role), role, count);
	return *count ? &present->belongings[first] : NULL;
}

/* What follows "managed by pgitops (NAME)", or NULL. */
static const char *after_mark(const char *comment, const char *target)
{
	size_t length = strlen(target);
	if (!text_starts(comment, ROLES_MARK))
		return NULL;
	comment += strlen(ROLES_MARK);
	if (strncmp(comment, target, length) != 0 || comment[length] != ')')
		return NULL;
	return comment + length + 1;
}

bool mark_is_ours(enum mark mark)
{
	return mark == MARK_GROUP || mark_is_user(mark);
}

bool mark_is_user(enum mark mark)
{
	return mark == MARK_USER || mark == MARK_RETIRING || mark == MARK_LEAVING;
}

enum mark mark_read(const char *comment, const char *target)
{
	const char *rest = after_mark(comment, target);
	if (!rest)
		return text_starts(comment, ROLES_MARK) ? MARK_OTHER : MARK_NONE;
	if (text_starts(rest, MARK_GROUP_WORD))
		return MARK_GROUP;
	if (text_starts(rest, MARK_LEAVING_WORD))
		return MARK_LEAVING;
	return text_starts(rest, MARK_RETIRING_WORD) ? MARK_RETIRING : MARK_USER;
}

/* Behind the mark of whatever database there is. */
const char *mark_people(const char *comment, const char *target)
{
	const char *rest = after_mark(comment, target);
	if (!rest && text_starts(comment, ROLES_MARK))
		rest = strchr(comment, ')');
	if (!rest)
		return comment;
	const char *colon = strstr(rest, ": ");
	return colon ? colon + 2 : "";
}

const char *mark_write(enum mark mark, const char *target, const char *comment, struct arena *mem)
{
	const char *word = mark == MARK_GROUP ? MARK_GROUP_WORD
		: mark == MARK_RETIRING       ? MARK_RETIRING_WORD
		: mark == MARK_LEAVING        ? MARK_LEAVING_WORD
					      : "";
	const char *people = mark_people(comment, target);
	return arena_printf(mem, "%s%s)%s%s%s", ROLES_MARK, target, word, *people ? ": " : "", people);
}
