#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/rights.h"

static const struct role *owner_of(const struct planner *planner, const struct database *database)
{
	return present_role_by_oid(planner->present, database->owner);
}

struct planned_database *planner_database(const struct planner *planner, const char *name)
{
	const struct users *wanted = planner->input->wanted;
	const struct wanted_database *found = users_database(wanted, name);
	return found ? &planner->databases[found - wanted->databases] : NULL;
}

const char *planner_owned_by(const struct planner *planner, const char *role)
{
	const struct users *wanted = planner->input->wanted;
	for (size_t i = 0; i < wanted->database_count; i++)
		if (text_equal(wanted->databases[i].owner, role))
			return wanted->databases[i].name;
	return NULL;
}

bool planner_will_own(const struct planner *planner, const char *database, const char *role)
{
	const struct planned_database *listed = planner_database(planner, database);
	const struct database *found = present_database(planner->present, database);
	if (listed && listed->new_owner)
		return strcmp(listed->new_owner, role) == 0;
	const struct role *owner = found ? owner_of(planner, found) : NULL;
	return owner && strcmp(owner->name, role) == 0;
}

/* --- by whose rights --- */

bool planner_may_own(struct planner *planner, struct planned_database *planned, const char *sql)
{
	const struct role *found = planned->found ? owner_of(planner, planned->found) : NULL;
	const char *owners[2];
	size_t count = 0;
	if (planned->asked)
		return planned->allowed;
	if (found)
		owners[count++] = found->name;
	if (planned->new_owner)
		owners[count++] = planned->new_owner;
	planned->asked = planned->report != NULL; /* before its turn nothing is decided */
	planned->allowed = rights_borrow_owners(planner, owners, count, sql, planned->report, &planned->loan);
	return planned->allowed;
}

/* A statement that only the owner may say. */
static void owner_step(struct planner *planner, struct planned_database *planned, enum phase phase,
	enum role_action action, const char *sql)
{
	if (!planner_may_own(planner, planned, sql))
		return;
	planner_step(planner, phase,
		(struct role_step){
			.action = action,
			.user = planned->report->name,
			.database = action == ROLE_EXTEND ? planned->wanted->name : NULL,
			.sql = arena_printf(
				planner->mem, "%s%s%s", planned->loan.before, sql, planned->loan.after),
			.statements = 1 + planned->loan.statements,
		});
}

/* --- who owns it --- */

/* Why a role that does not exist will not be there when the database is given to it; NULL = it will. */
static const char *owner_missing(struct planner *planner, const char *owner)
{
	const struct user *user = users_find(planner->input->wanted, owner);
	const struct wanted_user *wanted = user ? &planner->users[user - planner->input->wanted->items] : NULL;
	bool made = wanted
		? wanted->managed && wanted->creatable
		: users_find_group(planner->input->wanted, owner) || planner_referrer(planner, owner);
	if (made)
		return NULL;
	return wanted ? arena_printf(planner->mem, "its owner \"%s\" is a user that cannot be created", owner)
		      : arena_printf(planner->mem,
				"its owner \"%s\" does not exist: list it under groups or users, or create it",
				owner);
}

/* May the database be given to its listed owner, whoever has it now (`found` NULL = nobody)? Sets the reason when not. */
static bool may_give(struct planner *planner, struct planned_database *planned, const struct role *found)
{
	const char *owner = planned->wanted->owner;
	const struct role *role = present_role(planner->present, owner);
	const char *missing = role ? NULL : owner_missing(planner, owner);
	if (missing)
		planner_reason(planner, planned->report, USER_DEGRADED, "%s", missing);
	else if (role && role->super)
		planner_reason(planner, planned->report, USER_REFUSED,
			"\"%s\" is a superuser: name a role without powers as the owner, and let people be its members",
			owner);
	else if (role && planner_is_leaving(planner, role))
		planner_reason(
			planner, planned->report, USER_DEGRADED, "its owner \"%s\" is being removed", owner);
	else if (found && !found->super &&
		(roles_policy_protects(planner->input->policy, found->name) ||
			operator_claim(planner->present, found, planner->mem)))
		planner_reason(planner, planned->report, USER_REFUSED,
			"it belongs to \"%s\", which is PostgreSQL's, the operator's or protected by the agent's policy: its "
			"owner stays",
			found->name);
	else
		return true;
	return false;
}

static void change_owner(struct planner *planner, struct planned_database *planned)
{
	owner_step(planner, planned, PHASE_ALTER_DATABASE, ROLE_ALTER,
		arena_printf(planner->mem, "ALTER DATABASE %s OWNER TO %s",
			sql_identifier(planned->wanted->name, planner->mem),
			sql_identifier(planned->new_owner, planner->mem)));
}

static void plan_owner(struct planner *planner, struct planned_database *planned)
{
	const struct role *found = owner_of(planner, planned->found);
	const char *owner = planned->wanted->owner;
	if (!owner || (found && strcmp(found->name, owner) == 0))
		return;
	planner_difference(planner, planned->report, "owner", owner, found ? found->name : "");
	if (!may_give(planner, planned, found))
		return;
	planned->new_owner = owner;
	change_owner(planner, planned);
	if (!planned->allowed)
		planned->new_owner = NULL;
}

/* --- making it --- */

static void plan_creation(struct planner *planner, struct planned_database *planned)
{
	const struct wanted_database *wanted = planned->wanted;
	struct arena *mem = planner->mem;
	planner_difference(planner, planned->report, "exists", "true", "false");
	if (!wanted->owner) {
		planner_reason(planner, planned->report, USER_DEGRADED,
			"it does not exist, and users.yaml names no owner to make it for");
		return;
	}
	if (!may_give(planner, planned, NULL))
		return;
	const char *sql = arena_printf(mem, "CREATE DATABASE %s", sql_identifier(wanted->name, mem));
	const char *with_owner = arena_printf(mem, "%s OWNER %s", sql, sql_identifier(wanted->owner, mem));
	planned->new_owner = wanted->owner;
	if (!planner_may_own(planner, planned, with_owner)) {
		planned->new_owner = NULL;
		return;
	}
	bool lent = *planned->loan.before; /* CREATE DATABASE cannot be in a transaction with others */
	sql = lent ? sql : with_owner;
	if (wanted->encoding || wanted->locale)
		sql = arena_printf(mem, "%s TEMPLATE template0", sql);
	if (wanted->encoding)
		sql = arena_printf(mem, "%s ENCODING %s", sql, sql_literal(wanted->encoding, mem));
	if (wanted->locale)
		sql = arena_printf(mem, "%s LOCALE %s", sql, sql_literal(wanted->locale, mem));
	planned->made = true;
	planner_step(planner, PHASE_CREATE_DATABASE,
		(struct role_step){.action = ROLE_CREATE_DATABASE, .user = planned->report->name, .sql = sql});
	if (lent)
		change_owner(planner, planned);
}

/* --- what it says and lets in --- */

static void plan_comment(struct planner *planner, struct planned_database *planned)
{
	const char *wanted = planned->wanted->comment, *found = planned->found ? planned->found->comment : "";
	if (!wanted || strcmp(wanted, found) == 0)
		return;
	if (planned->found)
		planner_difference(planner, planned->report, "comment", wanted, found);
	owner_step(planner, planned, PHASE_ALTER_DATABASE, ROLE_ALTER,
		arena_printf(planner->mem, "COMMENT ON DATABASE %s IS %s",
			sql_identifier(planned->wanted->name, planner->mem), sql_literal(wanted, planner->mem)));
}

/* An agent that is no superuser would not get in any more, to make extensions or see to grants. */
static void keep_open_to_us(struct planner *planner, struct planned_database *planned)
{
	owner_step(planner, planned, PHASE_CLOSE_DATABASE, ROLE_GRANT,
		arena_printf(planner->mem, "GRANT CONNECT ON DATABASE %s TO %s",
			sql_identifier(planned->wanted->name, planner->mem),
			sql_identifier(planner->rights->self->name, planner->mem)));
}

/* By whoever gave it: a superuser's REVOKE takes back only what the owner has given. */
static void close_to(struct planner *planner, struct planned_database *planned, const struct role *grantor)
{
	struct arena *mem = planner->mem;
	const char *sql = arena_printf(
		mem, "REVOKE CONNECT ON DATABASE %s FROM PUBLIC", sql_identifier(planned->wanted->name, mem));
	if (!grantor) {
		if (planner_may_own(planner, planned, sql) && *planned->loan.before)
			keep_open_to_us(planner, planned);
		owner_step(planner, planned, PHASE_CLOSE_DATABASE, ROLE_REVOKE, sql);
		return;
	}
	planner_step(planner, PHASE_CLOSE_DATABASE,
		(struct role_step){
			.action = ROLE_REVOKE,
			.user = planned->report->name,
			.sql = arena_printf(
				mem, "SET ROLE %s; %s; RESET ROLE", sql_identifier(grantor->name, mem), sql),
			.statements = 3,
		});
}

static void plan_closing(struct planner *planner, struct planned_database *planned)
{
	const struct roles_present *present = planner->present;
	bool open = false;
	if (!planned->wanted->closed)
		return;
	if (planned->made)
		close_to(planner, planned, NULL);
	for (size_t i = 0; planned->found && i < present->public_count; i++) {
		const struct connect_grant *row = &present->public_connects[i];
		if (row->database != planned->found->oid)
			continue;
		open = true;
		close_to(planner, planned,
			row->grantor == planned->found->owner ? NULL
							      : present_role_by_oid(present, row->grantor));
	}
	if (open)
		planner_difference(planner, planned->report, "connect:PUBLIC", "", "granted");
}

/* What only CREATE DATABASE can say. Letters and digits count: UTF8 is utf-8. */
static bool same_word(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !isalnum((unsigned char)*a))
			a++;
		while (*b && !isalnum((unsigned char)*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

static void look_at_what_stays(struct planner *planner, struct planned_database *planned)
{
	const struct wanted_database *wanted = planned->wanted;
	const struct database *found = planned->found;
	const char *locale =
		wanted->locale && same_word(found->collate, wanted->locale) ? found->ctype : found->collate;
	const struct {
		const char *field, *wanted, *found;
	} fixed[] = {{"encoding", wanted->encoding, found->encoding}, {"locale", wanted->locale, locale}};
	for (size_t i = 0; i < COUNT_OF(fixed); i++) {
		if (!fixed[i].wanted || same_word(fixed[i].wanted, fixed[i].found))
			continue;
		planner_difference(planner, planned->report, fixed[i].field, fixed[i].wanted, fixed[i].found);
		planner_reason(planner, planned->report, USER_DEGRADED,
			"its %s is %s, which cannot be altered: dump it and restore it into a database made so, or write what it is",
			fixed[i].field, fixed[i].found);
	}
}

/* --- its extensions --- */

static const struct available_extension *available(const struct planner *planner, const char *name)
{
	for (size_t i = 0; i < planner->present->available_count; i++)
		if (strcmp(planner->present->available[i].name, name) == 0)
			return &planner->present->available[i];
	return NULL;
}

static const struct wanted_extension *installed(const struct planned_database *planned, const char *name)
{
	for (size_t i = 0; i < planned->content->extension_count; i++)
		if (strcmp(planned->content->extensions[i].name, name) == 0)
			return &planned->content->extensions[i];
	return NULL;
}

static void not_available(struct planner *planner, struct planned_database *planned, const char *name)
{
	const struct roles_present *present = planner->present;
	const char **names = arena_array(planner->mem, present->available_count + 1, sizeof(*names));
	for (size_t i = 0; i < present->available_count; i++)
		names[i] = present->available[i].name;
	const char *near = text_nearest(name, names, present->available_count);
	planner_reason(planner, planned->report, USER_DEGRADED,
		"extension \"%s\" is not there to be made: its files are not installed on the server%s%s%s",
		name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool policy_allows(const struct planner *planner, const char *name)
{
	const struct roles_policy *policy = planner->input->policy;
	for (size_t i = 0; i < policy->extension_count; i++)
		if (text_glob(policy->extensions[i], name))
			return true;
	return false;
}

/* Where it is to be made: a reason instead, and NULL, when it is not to be. */
static const char *place_of(struct planner *planner, struct planned_database *planned,
	const struct wanted_extension *wanted, const struct available_extension *files)
{
	const char *schema = files->schema ? files->schema : wanted->schema ? wanted->schema : "public";
	const struct database_content *content = planned->content;
	bool known = planned->found && !files->schema; /* one of its own is made by the extension */
	if (files->untrusted && !policy_allows(planner, wanted->name))
		planner_reason(planner, planned->report, USER_REFUSED,
			"extension \"%s\" may be made by superusers alone, as the server does not trust it: it is a way to a "
			"superuser's rights; policy.allowExtensions of the agent file can allow it",
			wanted->name);
	else if (files->schema && wanted->schema && strcmp(files->schema, wanted->schema) != 0)
		planner_reason(planner, planned->report, USER_DEGRADED,
			"extension \"%s\" is always in schema \"%s\": leave schema out", wanted->name,
			files->schema);
	else if (known && !text_is_listed(content->schemas, content->schema_count, schema))
		planner_reason(planner, planned->report, USER_DEGRADED,
			"extension \"%s\" is not made: there is no schema \"%s\" in the database; CREATE SCHEMA %s, or name "
			"another one",
			wanted->name, schema, sql_identifier(schema, planner->mem));
	else
		return schema;
	return NULL;
}

static void plan_extension(
	struct planner *planner, struct planned_database *planned, const struct wanted_extension *wanted)
{
	const struct wanted_extension *there = installed(planned, wanted->name);
	const struct available_extension *files = available(planner, wanted->name);
	struct arena *mem = planner->mem;
	const char *field = arena_printf(mem, "extension:%s", wanted->name);
	if (there && (!wanted->schema || strcmp(there->schema, wanted->schema) == 0))
		return;
	planner_difference(planner, planned->report, field,
		wanted->schema                   ? wanted->schema
			: files && files->schema ? files->schema
						 : "public",
		there ? there->schema : "");
	if (there) {
		planner_reason(planner, planned->report, USER_DEGRADED,
			"extension \"%s\" is in schema \"%s\" and stays there, as moving it breaks what names it: ALTER "
			"EXTENSION %s SET SCHEMA by hand, or write where it is",
			wanted->name, there->schema, sql_identifier(wanted->name, mem));
		return;
	}
	if (!files) {
		not_available(planner, planned, wanted->name);
		return;
	}
	const char *schema = place_of(planner, planned, wanted, files);
	if (!schema)
		return;
	const char *sql =
		arena_printf(mem, "CREATE EXTENSION IF NOT EXISTS %s", sql_identifier(wanted->name, mem));
	if (!files->schema)
		sql = arena_printf(mem, "%s SCHEMA %s", sql, sql_identifier(schema, mem));
	owner_step(planner, planned, PHASE_EXTEND, ROLE_EXTEND, sql);
}

static void plan_extensions(struct planner *planner, struct planned_database *planned)
{
	const struct wanted_database *wanted = planned->wanted;
	if (!wanted->extension_count || (!planned->found && !planned->made))
		return;
	if (planned->found && !planned->found->allows_connections)
		planner_reason(planner, planned->report, USER_DEGRADED,
			"it allows no connections, so its extensions cannot be looked after");
	else if (planned->content->error.kind != ERROR_NONE)
		planner_reason(planner, planned->report, USER_DEGRADED, "its extensions cannot be read: %s",
			planned->content->error.text);
	else
		for (size_t i = 0; i < wanted->extension_count; i++)
			plan_extension(planner, planned, &wanted->extensions[i]);
}

/* --- one after the other --- */

static void plan_database(struct planner *planner, struct planned_database *planned)
{
	const struct wanted_database *wanted = planned->wanted;
	planned->report = planner_report(planner, database_subject(wanted->name, planner->mem));
	planned->report->database = true;
	planned->report->listed = true;
	planned->report->secret_version = "";
	planned->report->managed_before = planned->found != NULL;
	if (planned->found && planned->found->invalid) {
		planner_reason(planner, planned->report, USER_DEGRADED,
			"its DROP DATABASE was interrupted, and nobody can use it: DROP DATABASE %s once more by hand, and it is "
			"made anew",
			sql_identifier(wanted->name, planner->mem));
		return;
	}
	if (planned->found) {
		plan_owner(planner, planned);
		look_at_what_stays(planner, planned);
	} else {
		plan_creation(planner, planned);
	}
	if (!planned->found && !planned->made)
		return;
	plan_comment(planner, planned);
	plan_closing(planner, planned);
	plan_extensions(planner, planned);
}

void planner_find_databases(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	planner->databases = arena_array(planner->mem, wanted->database_count + 1, sizeof(*planner->databases));
	for (size_t i = 0; i < wanted->database_count; i++) {
		planner->databases[i] = (struct planned_database){
			.wanted = &wanted->databases[i],
			.found = present_database(planner->present, wanted->databases[i].name),
			.content = &planner->present->contents[i],
		};
	}
}

void plan_databases(struct planner *planner)
{
	for (size_t i = 0; i < planner->input->wanted->database_count; i++)
		plan_database(planner, &planner->databases[i]);
}
