/*
 * managed.h - which roles are ours: the agent's own table in the database of its connection (internal to the room)
 *
 * A comment can be lost and can be written by whoever may comment, so it is no proof. A role is ours when the table
 *
 *   pgitops.managed_role (oid, name, state, manager, target, since)
 *
 * has a row with its OID and its name, of the database (`target`) that the agent file calls so, written by this agent (`manager`).
 * The comment is for people: one that differs is drift, and is mended.
 *
 *   the row says                    the role is                      what becomes of it
 *   its OID and its name            USER, GROUP, RETIRING, LEAVING   managed
 *   its OID, another name           RENAMED, by hand                 left as it is; no role is made under the old name
 *   its name, another OID           REPLACED, by hand or a restore   left as it is
 *   another target or manager       OTHER                            left as it is
 *   nothing, the comment is ours    UNPROVEN: forged, or restored    left as it is
 *   nothing                         NONE                             left as it is
 *
 * The state is a word; of a user with `onRemove` it has a second one: "user lock", "user keep", "leaving lock". A program that does not know a
 * word takes the role for another agent's and leaves it alone, as it should: one that passed over `keep` would drop the role.
 *
 * What is left as it is becomes ours by `policy: {adopt: listed}`, or by `pgitops user adopt NAME`, which is asked for one role and
 * so is the only way for one that other roles are members of. Neither takes a superuser or a role of PostgreSQL's own.
 *
 * A pass whose target has rows of another manager ends before it does anything: two agents that call a database by the same name would
 * remove each other's users for ever. `pgitops user adopt --from MANAGER` takes all of its roles over.
 *
 * The schema belongs to the role that the agent connects as. Where it belongs to somebody else, no pass is made: its owner could say
 * which roles are ours. Row security is on and has no policy, so nobody but the owner and superusers sees or writes a row: neither
 * default privileges nor pg_write_all_data are a way in. It is made before the first role that needs it, in a transaction of its own,
 * so that a role that cannot be made does not take the table with it; each later row is written in the transaction that makes, locks or
 * drops its role.
 *
 * Servers that an earlier version has looked after have marks and no table. When it is made, and only then, it takes in what carries
 * our comment and stands in users.yaml as what that says (a user, or a group), or in the store; anything else with such a comment is
 * UNPROVEN: a group of users.yaml whose comment calls it a user would be removed at once.
 *
 * pg_upgrade keeps OIDs, and nothing changes. A dump that is restored into another cluster gives roles other OIDs: they are REPLACED
 * until they are adopted, and nothing is dropped.
 */
#pragma once

#include "reconcile/roles/present.h"
#include "reconcile/roles/users_check.h"

#define MANAGED_SCHEMA "pgitops"
#define MANAGED_TABLE "pgitops.managed_role"

enum { FIRST_ORDINARY_OID = 16384 }; /* below are PostgreSQL's own roles (FirstNormalObjectId) */

/* One row of what the catalogs say about schema and table; no row = neither is there. */
#define MANAGED_CHECK                                                                                                \
	"SELECT pg_catalog.pg_get_userbyid(n.nspowner), n.nspowner = me.oid, c.relkind = 'r' AND c.relrowsecurity, " \
	"pg_catalog.pg_get_userbyid(c.relowner), c.relowner = me.oid, me.rolname FROM pg_catalog.pg_namespace n "    \
	"JOIN pg_catalog.pg_roles me ON me.rolname = current_user LEFT JOIN pg_catalog.pg_class c "                  \
	"ON c.relnamespace = n.oid AND c.relname = 'managed_role' WHERE n.nspname = '" MANAGED_SCHEMA "'"

/* Takes the answer to that into has_schema and has_table. ERROR_DENIED when what has these names was not made by us. */
struct pg_result;
bool managed_take_check(
	const struct pg_result *rows, struct roles_present *present, struct error *err) MUST_CHECK;

/* Its rows; only once MANAGED_CHECK was found good, for what is behind a foreign name would run with our rights. */
#define MANAGED_ROWS                                                                                         \
	"SELECT oid, name, state, manager, target, pg_catalog.to_char(since AT TIME ZONE 'UTC', "            \
	"'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), CASE WHEN pg_catalog.isfinite(since) THEN "                      \
	"pg_catalog.int8(pg_catalog.floor(pg_catalog.date_part('epoch', since))) END FROM ONLY " MANAGED_TABLE

/* The state in the text of a row, and what is to become of the user. */
enum mark managed_state(const char *text, enum on_remove *on_remove);

/* After present_index(): sorts the rows, and sets mark, said, recorded and had of each role. */
void managed_judge(struct roles_present *present, const struct roles_plan_input *input, struct arena *mem);

/* Fails with ERROR_DENIED when our target is another agent's. */
bool managed_is_ours(const struct roles_present *present, const struct roles_plan_input *input,
	struct arena *mem, struct error *err) MUST_CHECK;

/* The role that is ours and had this name before it was renamed by hand; NULL = there is none. */
const struct role *managed_renamed(const struct roles_present *present, const char *name);

/* A superuser, PostgreSQL's own or the agent's: never taken over. */
bool managed_is_untouchable(const struct roles_present *present, const struct role *role);

/* The row that says this of the role with this name, for the transaction that changes it; rows of an earlier role of that name go. How
   many statements it is stands in `statements`. */
const char *managed_row_sql(const struct roles_present *present, const struct roles_plan_input *input,
	const char *name, enum mark state, struct arena *mem, size_t *statements);

/* "DELETE ..." of one row. */
const char *managed_forget_sql(uint32_t oid, struct arena *mem);

/* Makes schema and table and takes in what is ours without a row. */
const char *managed_make_sql(const struct roles_present *present, const struct roles_plan_input *input,
	struct arena *mem, size_t *statements);

/* Makes rows of this manager ours; NULL = there are none. */
const char *managed_take_over_sql(const struct roles_present *present, const struct roles_plan_input *input,
	const char *manager, struct arena *mem);
