#include "reconcile/access/looking.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* --- collecting --- */

static bool about_everybody(const struct world *world)
{
	return world->asked == NOBODY;
}

/* That everybody may connect to template databases is so everywhere, and is told of one that is asked about. */
static bool is_of_template(const struct world *world, const struct world_row *row)
{
	return world->databases[row->database].template && strcmp(row->privilege, "CONNECT") == 0;
}

/* Of what the question is about. */
static bool is_asked(const struct looking *look, const struct world_row *row)
{
	const struct access_question *question = look->world->question;
	if (row->database != look->database)
		return false;
	if (question->table)
		return row->on == GRANT_ON_TABLE || row->on == GRANT_ON_COLUMN || row->on == GRANT_ON_SEQUENCE;
	if (row->on == GRANT_ON_DATABASE && row->grantee == EVERYBODY && !question->database &&
		is_of_template(look->world, row))
		return false;
	bool systems = row->on == GRANT_ON_SCHEMA && row->grantee == EVERYBODY &&
		strcmp(row->privilege, "USAGE") == 0 &&
		(strcmp(row->name, "pg_catalog") == 0 || strcmp(row->name, "information_schema") == 0);
	return !systems;
}

static void add_candidate(struct looking *look, const struct candidate *candidate)
{
	struct candidates *list = &look->list;
	list->items = arena_grow(look->world->mem, list->items, list->count, sizeof(*list->items));
	struct candidate *added = &list->items[list->count++];
	*added = *candidate;
	added->connects = look->connects || !row_needs_connection(added->row);
	added->uses = identity_uses(added->as, added->row);
	added->needs = (size_t)!added->connects + (size_t)!added->uses;
}

static void collect_role(struct looking *look, const struct identity *as, size_t place)
{
	size_t count;
	const struct world_row *rows = world_rows(look->world, as->reach.roles[place], &count);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; is_asked(look, &rows[i]) && j < as->reach.way_counts[place]; j++) {
			const struct candidate candidate = {.row = &rows[i],
				.as = as,
				.way = &as->reach.ways[place][j],
				.total = j ? 0 : as->reach.totals[place]};
			add_candidate(look, &candidate);
		}
}

/* In an answer about everybody PUBLIC has rows of its own; hers are told where more comes of them than of PUBLIC alone. */
static bool adds_to_public(const struct looking *look, const struct identity *as, const struct world_row *row)
{
	const struct world *world = look->world;
	struct identity nobody = {.role = EVERYBODY, .set_role = NOBODY};
	identity_find_schemas(world, look->database, &nobody);
	bool connects =
		!row_needs_connection(row) || identity_may_connect(world, &nobody.reach, look->database);
	size_t publics = (size_t)!connects + (size_t)!identity_uses(&nobody, row);
	size_t hers =
		(size_t) !(look->connects || !row_needs_connection(row)) + (size_t)!identity_uses(as, row);
	return hers < publics ||
		(identity_is_limited(world, &nobody, row) && !identity_is_limited(world, as, row));
}

static void collect_public(struct looking *look, const struct identity *as)
{
	size_t count;
	const struct world_row *rows = world_rows(look->world, EVERYBODY, &count);
	for (size_t i = 0; i < count; i++) {
		const struct candidate candidate = {.row = &rows[i], .as = as, .way = as->start, .total = 1};
		bool told = look->user == EVERYBODY || !about_everybody(look->world);
		if (is_asked(look, &rows[i]) && (told || adds_to_public(look, as, &rows[i])))
			add_candidate(look, &candidate);
	}
}

/* The table that the question is about, as it is in this database; NULL = is not there. */
static const struct world_row *table_of(const struct world *world, size_t database)
{
	return database == NOBODY ? NULL : world->databases[database].table;
}

static const struct world_row *make_row(
	struct looking *look, const struct world_row *table, const char *privilege, size_t grantee)
{
	struct world_row *row = arena_alloc(look->world->mem, sizeof(*row));
	*row = *table;
	row->privilege = privilege;
	row->grantee = grantee;
	row->grantable = false;
	return row;
}

/* What PostgreSQL's own roles may do with any table (aclchk.c, pg_class_aclmask). */
static void collect_own_roles(struct looking *look, const struct identity *as)
{
	const struct world *world = look->world;
	const struct {
		size_t role;
		const char *privilege;
		bool tables_only;
	} powers[] = {{world->reads, "SELECT", false}, {world->writes, "UPDATE", false},
		{world->writes, "INSERT", true}, {world->writes, "DELETE", true},
		{world->maintains, "MAINTAIN", true}};
	const struct world_row *table = table_of(look->world, look->database);
	for (size_t i = 0; table && i < COUNT_OF(powers); i++) {
		size_t place = 0;
		if (!reach_has(&as->reach, powers[i].role) ||
			(powers[i].tables_only && table->on == GRANT_ON_SEQUENCE) ||
			(powers[i].role == world->writes && strcmp(table->schema, "pg_catalog") == 0))
			continue;
		while (as->reach.roles[place] != powers[i].role)
			place++;
		const struct world_row *row = make_row(look, table, powers[i].privilege, powers[i].role);
		for (size_t j = 0; j < as->reach.way_counts[place]; j++) {
			const struct candidate candidate = {.row = row,
				.as = as,
				.way = &as->reach.ways[place][j],
				.total = j ? 0 : as->reach.totals[place],
				.own = true};
			add_candidate(look, &candidate);
		}
	}
}

static void collect(struct looking *look, struct identity *as)
{
	identity_find_schemas(look->world, look->database, as);
	for (size_t i = 0; i < as->reach.count; i++)
		collect_role(look, as, i);
	collect_public(look, as);
	collect_own_roles(look, as);
}

static int compare_objects(const struct world_row *a, const struct world_row *b)
{
	int order = (a->on > b->on) - (a->on < b->on);
	if (!order)
		order = strcmp(a->schema, b->schema);
	if (!order)
		order = strcmp(a->name, b->name);
	if (!order)
		order = strcmp(a->column, b->column);
	return order ? order : strcmp(a->privilege, b->privilege);
}

/* The way that is told first: without SET ROLE, with effect, short, of Git. PUBLIC's is as long as one membership. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	int order = compare_objects(left->row, right->row);
	bool left_set = left->as->set_role != NOBODY, right_set = right->as->set_role != NOBODY;
	unsigned left_length = left->way->length + (left->row->grantee == EVERYBODY);
	unsigned right_length = right->way->length + (right->row->grantee == EVERYBODY);
	if (!order)
		order = left_set - right_set;
	if (!order)
		order = (left->needs > right->needs) - (left->needs < right->needs);
	if (!order)
		order = (left_length > right_length) - (left_length < right_length);
	if (!order)
		order = (left->way->hand_role != NOBODY) - (right->way->hand_role != NOBODY);
	return order ? order : (left->way > right->way) - (left->way < right->way);
}

/* What she has at once is not told for SET ROLE, too, unless it is without effect at once. */
static bool is_told(const struct candidate *group, const struct candidate *one)
{
	return one->as->set_role == NOBODY || group->as->set_role != NOBODY || one->needs < group->needs;
}

static void tell_group(struct looking *look, const struct candidate *group, size_t count)
{
	size_t told = 0, ways = 0, first = look->at->answer->count;
	for (size_t i = 0; i < count; i++) {
		if (!is_told(group, &group[i]))
			continue;
		ways = group[i].total > SIZE_MAX - ways ? SIZE_MAX : ways + group[i].total;
		if (told < ACCESS_WAYS) {
			tell_candidate(look, &group[i]);
			told++;
		}
	}
	if (told && ways > told)
		look->at->answer->items[first + told - 1].more = ways - told;
}

static void tell_all(struct looking *look)
{
	struct candidates *list = &look->list;
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_candidates);
	for (size_t from = 0, end; from < list->count; from = end) {
		end = from + 1;
		while (end < list->count && compare_objects(list->items[from].row, list->items[end].row) == 0)
			end++;
		tell_group(look, &list->items[from], end - from);
	}
}

/* --- one user --- */

/* A superuser's one row, herself or after SET ROLE: only where somebody asks who may. */
static void tell_super(struct looking *look, const struct way *way)
{
	const struct world *world = look->world;
	const struct world_row *table = table_of(look->world, look->database);
	bool asked = world->question->table ? table != NULL : world->question->database != NULL;
	if (look->database == NOBODY || !asked)
		return;
	struct access_item *item = answer_item(look->at);
	*item = (struct access_item){
		.user = world->roles[look->user].name,
		.database = world_database_name(world, look->database),
		.what = ACCESS_ON_OBJECT,
		.on = table ? table->on : GRANT_ON_DATABASE,
		.object = table ? row_object(table, world->mem) : world_database_name(world, look->database),
		.schema = table ? table->schema : "",
		.privilege = "ALL",
		.set_role = way->before ? world->roles[way->role].name : NULL,
		.means = "superuser",
		.grantable = true,
	};
	item->via = way_names(world, way, false, &item->via_count);
	bool first = world->roles[way->role].oid == 10 && !way->before;
	item->origin = first ? ACCESS_BY_DEFAULT : ACCESS_BY_HAND;
	item->hand = first ? NULL : arena_printf(world->mem, "SUPERUSER of %s", world->roles[way->role].name);
}

static void become(struct looking *look, const struct identity *herself, const struct way *way, size_t owner)
{
	const struct world *world = look->world;
	if (world->roles[way->role].super) {
		tell_super(look, way);
		return;
	}
	if (reach_has(&herself->reach, way->role)) /* what that one has, she has, too */
		return;
	struct identity *as = arena_alloc(world->mem, sizeof(*as));
	*as = (struct identity){.role = way->role, .set_role = way->role, .start = way};
	reach_walk(world, REACH_INHERIT, owner, way, &as->reach);
	collect(look, as);
}

static void look_at(struct answering *at, size_t user, size_t database)
{
	const struct world *world = at->world;
	struct looking look = {.at = at, .world = world, .user = user, .database = database};
	size_t owner = database == NOBODY ? NOBODY : world->databases[database].owner;
	const struct way *start = reach_start(world, user);
	struct identity *herself = arena_alloc(world->mem, sizeof(*herself));
	struct reach others = {0};
	*herself = (struct identity){.role = user, .set_role = NOBODY, .start = start};
	if (user != EVERYBODY && world->roles[user].super) {
		tell_super(&look, start);
		return;
	}
	if (user != EVERYBODY) {
		reach_walk(world, REACH_INHERIT, owner, start, &herself->reach);
		reach_walk(world, REACH_SET, owner, start, &others);
	}
	look.connects = database == NOBODY || identity_may_connect(world, &herself->reach, database);
	collect(&look, herself);
	for (size_t i = 1; i < others.count; i++)
		become(&look, herself, &others.ways[i][0], owner);
	tell_all(&look);
}

/* --- who is asked about, and where --- */

static void look_everywhere(struct answering *at, size_t user)
{
	const struct world *world = at->world;
	const char *only = world->question->database;
	for (size_t i = 0; i < world->database_count; i++)
		if (!only || strcmp(only, world->databases[i].name) == 0)
			look_at(at, user, i);
	if (!only && !world->question->table)
		look_at(at, user, NOBODY);
}

static bool is_somebody(const struct world *world, size_t role)
{
	return world->roles[role].login || (world->question->groups && !world_is_system(world, role));
}

static void note_role(struct answering *at, const struct world_role *role)
{
	struct arena *mem = at->world->mem;
	if (!role->login)
		answer_note(at, arena_printf(mem, "%s may not log in: it is for its members", role->name));
	if (role->expired)
		answer_note(at,
			arena_printf(mem, "the password of %s is not valid any more, since %s", role->name,
				role->until));
	else if (*role->until)
		answer_note(at,
			arena_printf(mem, "the password of %s is valid until %s", role->name, role->until));
	if (role->super)
		answer_note(at,
			arena_printf(mem, "%s is a superuser: no privilege is asked for, so none is listed",
				role->name));
}

static void note_databases(struct answering *at)
{
	const struct world *world = at->world;
	struct arena *mem = world->mem;
	for (size_t i = 0; i < world->database_count; i++) {
		const struct world_row *table = world->databases[i].table;
		if (table && table->secured)
			answer_note(at,
				arena_printf(mem,
					"database %s: row security is on for %s%s: its policies say which rows, "
					"where the answer does not say otherwise",
					world->databases[i].name, row_object(table, mem),
					table->forced ? ", for its owner too" : ""));
		bool looked = world->question->role || world->question->table;
		if (looked && !world->databases[i].open && !world->databases[i].template &&
			!world->question->database)
			answer_note(at,
				arena_printf(mem, "database %s refuses connections: it was not looked into",
					world->databases[i].name));
	}
}

void answer_world(const struct world *world, struct access_answer *answer)
{
	struct answering at = {world, answer};
	bool powers = !world->question->database && !world->question->table;
	if (world->asked < world->role_count)
		note_role(&at, &world->roles[world->asked]);
	note_databases(&at);
	if (world->asked == EVERYBODY || about_everybody(world))
		look_everywhere(&at, EVERYBODY);
	for (size_t i = 0; i < world->role_count && answer->count < ACCESS_MOST && !arena_full(world->mem);
		i++) {
		if (about_everybody(world) ? !is_somebody(world, i) : i != world->asked)
			continue;
		if (powers)
			powers_of(&at, i);
		look_everywhere(&at, i);
	}
}

bool access_ask(struct session *session, const struct access_question *question, const struct users *wanted,
	struct arena *mem, struct access_answer *answer, struct error *err)
{
	struct world world = {.question = question, .mem = mem};
	*answer = (struct access_answer){0};
	if (!observe_world(session, &world, err))
		return false;
	if (wanted) {
		world.wanted = users_at(wanted, world.now, mem);
		origin_prepare(&world);
	}
	answer_world(&world, answer);
	answer->version = world.version;
	if (arena_full(mem) || answer->count >= ACCESS_MOST)
		return error_set(err, ERROR_INVALID,
			"the answer is too large: ask about one user, one table or one database");
	return true;
}
