#include "reconcile/roles/managed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/operator.h"

enum { SQL_BYTES = LIMIT_BATCH_BYTES };

static const char *const states[] = {
	[MARK_USER] = "user",
	[MARK_GROUP] = "group",
	[MARK_RETIRING] = "retiring",
	[MARK_LEAVING] = "leaving",
};

/* The second word, or "". */
static const char *second_word(enum mark state, enum on_remove on_remove)
{
	static const char *const both[] = {
		[ON_REMOVE_RETIRE] = "", [ON_REMOVE_LOCK] = " lock", [ON_REMOVE_KEEP] = " keep"};
	return state == MARK_USER || state == MARK_LEAVING ? both[on_remove] : "";
}

enum mark managed_state(const char *text, enum on_remove *on_remove)
{
	for (size_t i = MARK_USER; i < COUNT_OF(states); i++) {
		size_t length = strlen(states[i]);
		if (strncmp(states[i], text, length) != 0)
			continue;
		for (*on_remove = ON_REMOVE_RETIRE; *on_remove <= ON_REMOVE_KEEP; ++*on_remove)
			if (strcmp(second_word((enum mark)i, *on_remove), text + length) == 0)
				return (enum mark)i;
	}
	*on_remove = ON_REMOVE_RETIRE;
	return MARK_OTHER;
}

/* --- finding rows --- */

static int compare_oids(const void *a, const void *b)
{
	uint32_t left = ((const struct managed_role *)a)->oid, right = ((const struct managed_role *)b)->oid;
	return (left > right) - (left < right);
}

static int compare_names(const void *a, const void *b)
{
	const struct managed_role *left = *(const struct managed_role *const *)a,
				  *right = *(const struct managed_role *const *)b;
	int order = strcmp(left->name, right->name);
	return order ? order : compare_oids(left, right);
}

static bool is_of_ours(const struct roles_plan_input *input, const struct managed_role *row)
{
	return strcmp(row->target, input->target) == 0 &&
		(strcmp(row->manager, input->manager) == 0 || text_equal(row->manager, input->former) ||
			text_equal(row->manager, input->take_over));
}

static void sort_rows(struct roles_present *present, const struct roles_plan_input *input, struct arena *mem)
{
	present->managed_by_name =
		arena_array(mem, present->managed_count + 1, sizeof(*present->managed_by_name));
	if (!present->managed_count)
		return;
	qsort(present->managed, present->managed_count, sizeof(*present->managed), compare_oids);
	for (size_t i = 0; i < present->managed_count; i++)
		if (is_of_ours(input, &present->managed[i]))
			present->managed_by_name[present->named_count++] = &present->managed[i];
	if (present->named_count)
		qsort(present->managed_by_name, present->named_count, sizeof(*present->managed_by_name),
			compare_names);
}

static const struct managed_role *row_of(const struct roles_present *present, uint32_t oid)
{
	struct managed_role key = {.oid = oid};
	if (!present->managed_count)
		return NULL;
	return bsearch(&key, present->managed, present->managed_count, sizeof(key), compare_oids);
}

/* The first row of ours with this name, and how many there are. */
static const struct managed_role *const *rows_named(
	const struct roles_present *present, const char *name, size_t *count)
{
	size_t low = 0, high = present->named_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(present->managed_by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct managed_role *const *first = present->managed_by_name + low;
	*count = 0;
	while (low + *count < present->named_count && strcmp(first[*count]->name, name) == 0)
		++*count;
	return first;
}

const struct role *managed_renamed(const struct roles_present *present, const char *name)
{
	size_t count;
	const struct managed_role *const *rows = rows_named(present, name, &count);
	for (size_t i = 0; i < count; i++) {
		const struct role *role = present_role_by_oid(present, rows[i]->oid);
		if (role && role->mark == MARK_RENAMED)
			return role;
	}
	return NULL;
}

/* --- whose a role is --- */

bool managed_is_untouchable(const struct roles_present *present, const struct role *role)
{
	return role->super || role->oid < FIRST_ORDINARY_OID || strcmp(role->name, present->session_user) == 0;
}

/* A person may take a role that users.yaml lists: anything else would be removed by the same pass. */
static bool is_asked_for(const struct roles_present *present, const struct roles_plan_input *input,
	const struct role *role, const struct managed_role *row, struct arena *mem)
{
	bool others = row && !is_of_ours(input, row);
	return text_is_listed(input->adopt, input->adopt_count, role->name) && !others &&
		(users_find(input->wanted, role->name) || users_former(input->wanted, role->name) ||
			(users_lists_group(input->wanted, role->name) && !role->login)) &&
		!managed_is_untouchable(present, role) && !operator_claim(present, role, mem);
}

static bool is_a_role_of_somebody(const struct users *wanted, const char *name)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (text_is_listed(wanted->items[i].roles, wanted->items[i].role_count, name))
			return true;
	for (size_t i = 0; i < wanted->group_count; i++)
		if (text_is_listed(wanted->groups[i].roles, wanted->groups[i].role_count, name))
			return true;
	return false;
}

/* Listed as what its comment says, or remembered: by a comment alone a role that people are members of would be a leaver. */
static bool is_known(const struct roles_plan_input *input, const struct role *role)
{
	const struct users *wanted = input->wanted;
	bool user = users_find(wanted, role->name);
	bool group = users_lists_group(wanted, role->name) || is_a_role_of_somebody(wanted, role->name);
	if (user || group)
		return role->said == MARK_GROUP ? group : user;
	return input->remembers && input->remembers(input->memory, role->name);
}

static enum mark judge_without_row(
	const struct roles_present *present, const struct roles_plan_input *input, const struct role *role)
{
	size_t count;
	if (!present->has_table && mark_is_ours(role->said) && is_known(input, role) &&
		!managed_is_untouchable(present, role))
		return role->said; /* one that leaves begins its hold again: when it began was in the table */
	if (role->said == MARK_OTHER)
		return MARK_OTHER;
	(void)rows_named(present, role->name, &count);
	if (count)
		return MARK_REPLACED;
	return mark_is_ours(role->said) ? MARK_UNPROVEN : MARK_NONE;
}

static void judge_row(const struct roles_plan_input *input, const struct managed_role *row, struct role *role,
	struct arena *mem)
{
	if (!is_of_ours(input, row)) {
		role->mark = MARK_OTHER;
		role->other = arena_printf(mem, "\"%s\" has it for \"%s\"", row->manager, row->target);
	} else if (strcmp(row->name, role->name) != 0) {
		role->mark = MARK_RENAMED;
		role->had = row->name;
		role->had_group = row->state == MARK_GROUP;
	} else {
		role->mark = row->state;
		role->on_remove = row->on_remove;
		role->since = row->since_seconds;
	}
}

static void judge(const struct roles_present *present, const struct roles_plan_input *input,
	struct role *role, struct arena *mem)
{
	const struct managed_role *row = row_of(present, role->oid);
	role->said = mark_read(role->comment, input->target);
	role->since = present->now;
	if (is_asked_for(present, input, role, row, mem)) {
		bool user = users_find(input->wanted, role->name) || users_former(input->wanted, role->name);
		role->mark = user ? MARK_USER : MARK_GROUP;
		role->recorded = row && strcmp(row->name, role->name) == 0 && row->state == role->mark;
		return;
	}
	if (row)
		judge_row(input, row, role, mem);
	else
		role->mark = judge_without_row(present, input, role);
	role->recorded = mark_is_ours(role->mark);
}

void managed_judge(struct roles_present *present, const struct roles_plan_input *input, struct arena *mem)
{
	sort_rows(present, input, mem);
	for (size_t i = 0; i < present->role_count; i++)
		judge(present, input, &present->roles[i], mem);
}

bool managed_is_ours(const struct roles_present *present, const struct roles_plan_input *input,
	struct arena *mem, struct error *err)
{
	const struct managed_role *other = NULL;
	size_t count = 0;
	for (size_t i = 0; i < present->managed_count; i++) {
		const struct managed_role *row = &present->managed[i];
		if (strcmp(row->target, input->target) != 0 || is_of_ours(input, row))
			continue;
		if (!other ||
			(strcmp(row->manager, other->manager) == 0 && strcmp(row->since, other->since) < 0))
			other = row;
		count++;
	}
	if (!other)
		return true;
	const char *text = arena_printf(mem,
		"another agent manages the users here under the name \"%s\": \"%s\", since %s, %zu roles "
		"(" MANAGED_TABLE
		"). This one is \"%s\", and does nothing, for each would remove the users of the "
		"other: give the database another name in one of the agent files; or, where that agent is gone "
		"or was this one with another state folder, take its roles over with `pgitops user adopt "
		"--database %s --from %s`",
		input->target, other->manager, other->since, count, input->manager, input->target,
		other->manager);
	return error_set(err, ERROR_DENIED, "%s", text);
}

/* --- rows as SQL --- */

const char *managed_forget_sql(uint32_t oid, struct arena *mem)
{
	return arena_printf(mem, "DELETE FROM " MANAGED_TABLE " WHERE oid = %" PRIu32, oid);
}

/* Of `users.yaml` while it lists the user, then of the row. */
static const char *word_of(
	const struct roles_plan_input *input, const struct role *role, const char *name, enum mark state)
{
	const struct user *user = users_find(input->wanted, name);
	return second_word(state, user ? user->on_remove : role ? role->on_remove : ON_REMOVE_RETIRE);
}

const char *managed_row_sql(const struct roles_present *present, const struct roles_plan_input *input,
	const char *name, enum mark state, struct arena *mem, size_t *statements)
{
	const struct role *role = present_role(present, name);
	const char *sql = "";
	size_t count;
	const struct managed_role *const *rows = rows_named(present, name, &count);
	*statements = 1;
	for (size_t i = 0; i < count; i++) {
		if (present_role_by_oid(present, rows[i]->oid) || (role && role->oid == rows[i]->oid))
			continue;
		sql = arena_printf(mem, "%s%s; ", sql, managed_forget_sql(rows[i]->oid, mem));
		++*statements;
	}
	return arena_printf(mem,
		"%sINSERT INTO " MANAGED_TABLE " (oid, name, state, manager, target) "
		"SELECT oid, rolname, '%s%s', %s, %s FROM pg_catalog.pg_roles WHERE rolname = %s "
		"ON CONFLICT (oid) DO UPDATE SET (name, state, manager, target, since) = "
		"(excluded.name, excluded.state, excluded.manager, excluded.target, "
		"CASE managed_role.state WHEN excluded.state THEN managed_role.since ELSE excluded.since END)",
		sql, states[state], word_of(input, role, name, state), sql_literal(input->manager, mem),
		sql_literal(input->target, mem), sql_literal(name, mem));
}

/* By OID, so that 20,000 roles fit into one message. */
static bool insert_state(const struct roles_present *present, const struct roles_plan_input *input,
	enum mark state, struct arena *mem, struct buf *sql)
{
	bool any = false;
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		if (role->mark != state || !role->recorded)
			continue;
		if (!any)
			buf_printf(sql,
				"; INSERT INTO " MANAGED_TABLE " (oid, name, state, manager, target) "
				"SELECT oid, rolname, '%s', %s, %s FROM pg_catalog.pg_roles WHERE oid IN (",
				states[state], sql_literal(input->manager, mem),
				sql_literal(input->target, mem));
		buf_printf(sql, "%s%" PRIu32, any ? ", " : "", role->oid);
		any = true;
	}
	buf_text(sql, any ? ")" : "");
	return any;
}

const char *managed_make_sql(const struct roles_present *present, const struct roles_plan_input *input,
	struct arena *mem, size_t *statements)
{
	CLEANUP(buf_done) struct buf sql = BUF(SQL_BYTES);
	*statements = 3 + !present->has_schema;
	if (!present->has_schema)
		buf_text(&sql, "CREATE SCHEMA " MANAGED_SCHEMA "; ");
	buf_text(&sql,
		"CREATE TABLE " MANAGED_TABLE " (oid pg_catalog.oid PRIMARY KEY, name pg_catalog.name NOT NULL, "
		"state pg_catalog.text NOT NULL, manager pg_catalog.text NOT NULL, target pg_catalog.text NOT NULL, "
		"since pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now()); "
		"ALTER TABLE " MANAGED_TABLE " ENABLE ROW LEVEL SECURITY; "
		"REVOKE ALL ON TABLE " MANAGED_TABLE " FROM PUBLIC");
	for (enum mark state = MARK_USER; state <= MARK_LEAVING; state++)
		*statements += insert_state(present, input, state, mem, &sql);
	return arena_copy(mem, buf_string(&sql));
}

const char *managed_take_over_sql(const struct roles_present *present, const struct roles_plan_input *input,
	const char *manager, struct arena *mem)
{
	for (size_t i = 0; manager && i < present->managed_count; i++)
		if (strcmp(present->managed[i].target, input->target) == 0 &&
			strcmp(present->managed[i].manager, manager) == 0)
			return arena_printf(mem,
				"UPDATE " MANAGED_TABLE " SET manager = %s, since = "
				"CASE WHEN state IN ('%s', '%s lock') THEN since ELSE pg_catalog.now() END "
				"WHERE target = %s AND manager = %s",
				sql_literal(input->manager, mem), states[MARK_LEAVING], states[MARK_LEAVING],
				sql_literal(input->target, mem), sql_literal(manager, mem));
	return NULL;
}
