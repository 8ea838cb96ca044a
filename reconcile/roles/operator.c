#include "reconcile/roles/operator.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct membership *row_of(
	const struct roles_present *present, const struct role *member, const char *role)
{
	size_t count = 0;
	const struct role *wanted = present_role(present, role);
	const struct membership *rows =
		member && wanted ? present_memberships(present, member->oid, &count) : NULL;
	for (size_t i = 0; i < count; i++)
		if (rows[i].role == wanted->oid)
			return &rows[i];
	return NULL;
}

/* Since 16 the same role may have been granted more than once; what counts was granted by a superuser, and is no creator's row, which
   neither inherits nor may SET ROLE. */
static bool has_admin_option(
	const struct roles_present *present, const struct role *member, const struct role *role)
{
	size_t count = 0;
	const struct membership *rows = member ? present_memberships(present, member->oid, &count) : NULL;
	for (size_t i = 0; i < count; i++) {
		const struct role *grantor = present_role_by_oid(present, rows[i].grantor);
		bool creators = !rows[i].inherits && !rows[i].can_set;
		if (rows[i].role == role->oid && rows[i].admin && !creators && grantor && grantor->super)
			return true;
	}
	return false;
}

/* Spilo's; NULL = this is no cluster of the operator's. */
static const struct role *spilo_admin(const struct roles_present *present)
{
	const struct role *admin = present_role(present, "admin");
	return admin && !admin->login && row_of(present, admin, "cron_admin") ? admin : NULL;
}

/* The name with its end replaced, in `mem`; NULL = it does not end so. */
static const char *other_end(const char *name, const char *end, const char *other, struct arena *mem)
{
	size_t length = strlen(name) - (text_ends(name, end) ? strlen(end) : 0);
	return text_ends(name, end) && length ? arena_printf(mem, "%.*s%s", (int)length, name, other) : NULL;
}

static bool is_prepared(const struct roles_present *present, const struct role *admin,
	const struct role *role, struct arena *mem)
{
	static const char *const ends[] = {"_reader", "_writer"};
	if (text_ends(role->name, "_owner"))
		return has_admin_option(present, admin, role);
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		const char *name = other_end(role->name, ends[i], "_owner", mem);
		const struct role *owner = name ? present_role(present, name) : NULL;
		if (owner && has_admin_option(present, admin, owner) && has_admin_option(present, owner, role))
			return true;
	}
	return false;
}

static int compare_claim(const void *name, const void *claim)
{
	return strcmp(name, ((const struct role_claim *)claim)->name);
}

const char *operator_lists(const struct roles_present *present, const char *role, struct arena *mem)
{
	const struct role_claims *claims = present->claims;
	const struct role_claim *found = claims && claims->count
		? bsearch(role, claims->items, claims->count, sizeof(*claims->items), compare_claim)
		: NULL;
	return found ? arena_printf(mem, "it stands under spec.%s of %s", found->where, claims->whose) : NULL;
}

const char *operator_claim(const struct roles_present *present, const struct role *role, struct arena *mem)
{
	const char *listed = operator_lists(present, role->name, mem);
	if (listed)
		return listed;
	const struct role *admin = spilo_admin(present);
	const char *base = admin ? other_end(role->name, "_user", "", mem) : NULL;
	const struct role *of = base ? present_role(present, base) : NULL;
	if (!admin)
		return NULL;
	if (is_prepared(present, admin, role, mem) ||
		(of && is_prepared(present, admin, of, mem) && row_of(present, role, base)))
		return "it is one of preparedDatabases of a postgresql object";
	if (has_admin_option(present, admin, role))
		return "its role admin has it WITH ADMIN OPTION, as the operator gives it those under users of a "
		       "postgresql object";
	if (row_of(present, role, "zalandos"))
		return "it is in zalandos, as the people of the operator's teams are";
	return NULL;
}

const char *operator_refusal(const char *claim, struct arena *mem)
{
	return arena_printf(mem,
		"the role belongs to the postgres-operator: %s. It writes password, attributes and memberships anew in "
		"each of its passes; take the role out of users.yaml, or out of the operator's hands first",
		claim);
}
