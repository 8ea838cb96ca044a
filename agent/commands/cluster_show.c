/* cluster_show.c - clusters and their members on a terminal, with patronictl's words */
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/cluster.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/drill.h"

enum { POSTGRES_PORT = 5432, REASON_SHOWN = 50 };

/* ---- one value ---- */

const char *cluster_bytes(int64_t bytes, struct arena *mem)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double number = (double)bytes;
	size_t unit = 0;
	if (bytes < 0)
		return "-";
	if (bytes == 0)
		return "0";
	for (; number >= 1024 && unit + 1 < COUNT_OF(units); unit++)
		number /= 1024;
	return arena_printf(mem, unit > 2 && number < 10 ? "%.1f %s" : "%.0f %s", number, units[unit]);
}

/* As patronictl: the port where any is not PostgreSQL's, or two share an address. */
const char *cluster_host(
	const struct patroni_cluster *cluster, const struct patroni_member *member, struct arena *mem)
{
	bool port = false;
	if (!member->host)
		return NULL;
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *other = &cluster->members[i];
		port |= other->port && other->port != POSTGRES_PORT;
		port |= other != member && text_equal(other->host, member->host);
	}
	return port && member->port ? arena_printf(mem, "%s:%lld", member->host, (long long)member->port)
				    : member->host;
}

const char *cluster_state(const struct patroni_member *member)
{
	bool leads = member->role == PATRONI_LEADER || member->role == PATRONI_STANDBY_LEADER;
	return !leads && member->replication_state ? member->replication_state : member->state;
}

static const char *value_text(const json_t *value, struct arena *mem)
{
	char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *copy = text         ? arena_copy(mem, text)
		: json_is_string(value) ? json_string_value(value)
					: "";
	free(text);
	return copy;
}

const char *cluster_restart(const struct patroni_member *member, struct arena *mem)
{
	const char *all = NULL, *key;
	json_t *reasons = member->pending_reason, *change;
	if (!member->pending_restart)
		return NULL;
	json_object_foreach (reasons, key, change)
		all = arena_join(mem, all, ", ",
			arena_printf(mem, "%s: %s->%s", key,
				value_text(json_object_get(change, "old_value"), mem),
				value_text(json_object_get(change, "new_value"), mem)));
	return all ? all : "*";
}

static const char *tags(const struct patroni_member *member, struct arena *mem)
{
	const char *all = NULL, *key;
	json_t *value;
	json_object_foreach (member->tags, key, value)
		all = arena_join(mem, all, ", ", arena_printf(mem, "%s: %s", key, value_text(value, mem)));
	return all;
}

static const char *age(int64_t then, struct arena *mem)
{
	char text[16];
	int64_t passed = clock_now() - then;
	if (!then)
		return "-";
	duration_text((passed > 0 ? passed : 0) / 1000, text);
	return arena_copy(mem, text);
}

/* ---- the table of members ---- */

struct row {
	const struct command_context *context;
	const struct patroni_cluster *cluster;
	const struct patroni_member *member;
	struct table *table;
};

static void plain(const struct row *row, const char *text)
{
	table_cell(row->table, command_or_dash(text), CELL_PLAIN);
}

static void cluster_cell(const struct row *row)
{
	plain(row, row->cluster->name);
}

static void namespace_cell(const struct row *row)
{
	plain(row, row->cluster->namespace);
}

static void member_cell(const struct row *row)
{
	plain(row, row->member->name);
}

static void host_cell(const struct row *row)
{
	plain(row, cluster_host(row->cluster, row->member, row->context->mem));
}

static void role_cell(const struct row *row)
{
	plain(row, patroni_role_title(row->member->role));
}

static void state_cell(const struct row *row)
{
	const struct patroni_member *member = row->member;
	const char *state = cluster_state(member);
	bool good = text_equal(state, "running") || text_equal(state, "streaming");
	if (member->contact == PATRONI_SILENT)
		table_cell(row->table,
			arena_printf(row->context->mem, "no answer (said %s)", state ? state : "nothing"),
			CELL_BAD);
	else if (member->role == PATRONI_LEADER && member->in_recovery)
		table_cell(row->table, "in recovery", CELL_BAD);
	else
		table_cell(row->table, command_or_dash(state), good ? CELL_GOOD : CELL_BUSY);
}

static void timeline_cell(const struct row *row)
{
	long long timeline = (long long)row->member->timeline;
	plain(row, timeline ? arena_printf(row->context->mem, "%lld", timeline) : NULL);
}

static void receive_cell(const struct row *row)
{
	plain(row, cluster_bytes(row->member->receive_lag, row->context->mem));
}

static void replay_cell(const struct row *row)
{
	plain(row, cluster_bytes(row->member->replay_lag, row->context->mem));
}

static void heard_cell(const struct row *row)
{
	const struct patroni_member *member = row->member;
	bool now = member->contact == PATRONI_ANSWERED;
	table_cell(
		row->table, now ? "now" : age(member->heard, row->context->mem), now ? CELL_PLAIN : CELL_DIM);
}

static void restart_cell(const struct row *row)
{
	const char *reason = cluster_restart(row->member, row->context->mem);
	table_cell(row->table, command_or_dash(reason), CELL_BUSY);
}

static void scheduled_cell(const struct row *row)
{
	plain(row, row->member->scheduled_restart);
}

static void tags_cell(const struct row *row)
{
	plain(row, tags(row->member, row->context->mem));
}

static void position_cell(const struct row *row)
{
	const struct patroni_member *member = row->member;
	plain(row,
		member->location == PATRONI_UNKNOWN ? NULL
						    : patroni_position(member->location, row->context->mem));
}

static void version_cell(const struct row *row)
{
	plain(row, row->member->version);
}

static bool has_restart(const struct patroni_member *member)
{
	return member->pending_restart;
}

static bool has_schedule(const struct patroni_member *member)
{
	return member->scheduled_restart;
}

static bool has_tags(const struct patroni_member *member)
{
	return member->tags;
}

/* A column stands there always, only with -o wide, or only where a member has something in it. */
static const struct column {
	const char *header;
	void (*cell)(const struct row *row);
	bool wide, of_list;
	bool (*needed)(const struct patroni_member *member);
} columns[] = {
	{"NAMESPACE", namespace_cell, true, true, NULL},
	{"CLUSTER", cluster_cell, false, true, NULL},
	{"MEMBER", member_cell, false, false, NULL},
	{"HOST", host_cell, false, false, NULL},
	{"ROLE", role_cell, false, false, NULL},
	{"STATE", state_cell, false, false, NULL},
	{"TL", timeline_cell, false, false, NULL},
	{"RECEIVE-LAG", receive_cell, false, false, NULL},
	{"REPLAY-LAG", replay_cell, false, false, NULL},
	{"HEARD", heard_cell, false, false, NULL},
	{"POSITION", position_cell, true, false, NULL},
	{"PATRONI", version_cell, true, false, NULL},
	{"PENDING-RESTART", restart_cell, false, false, has_restart},
	{"SCHEDULED-RESTART", scheduled_cell, false, false, has_schedule},
	{"TAGS", tags_cell, false, false, has_tags},
};
enum { COLUMNS = COUNT_OF(columns) };

static bool is_shown(const struct command_context *context, const struct column *column, bool list,
	const struct patroni_cluster *clusters, size_t count)
{
	if ((column->of_list && !list) || (column->wide && context->output.format != OUTPUT_WIDE))
		return false;
	if (!column->needed)
		return true;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < clusters[i].member_count; j++)
			if (column->needed(&clusters[i].members[j]))
				return true;
	return false;
}

static void show_members(const struct command_context *context, const struct patroni_cluster *clusters,
	size_t count, bool list)
{
	const struct column *shown[COLUMNS];
	const char *headers[COLUMNS];
	size_t width = 0;
	for (size_t i = 0; i < COLUMNS; i++)
		if (is_shown(context, &columns[i], list, clusters, count)) {
			headers[width] = columns[i].header;
			shown[width++] = &columns[i];
		}
	struct row row = {.context = context, .table = table_new(&context->output, headers, width)};
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < clusters[i].member_count; j++) {
			row.cluster = &clusters[i];
			row.member = &clusters[i].members[j];
			for (size_t k = 0; k < width; k++)
				shown[k]->cell(&row);
		}
	table_print(row.table);
	table_free(row.table);
}

/* ---- around it ---- */

static void show_problems(const struct command_context *context, const struct patroni_cluster *cluster, bool bad)
{
	for (size_t i = 0; i < cluster->problem_count; i++)
		if (cluster->problems[i].bad == bad)
			command_block(context, stdout, 0,
				arena_printf(context->mem, "%s: %s", cluster->name, cluster->problems[i].text),
				bad ? CELL_BAD : CELL_BUSY);
}

static const char *switchover(const struct patroni_cluster *cluster, struct arena *mem)
{
	return arena_printf(mem, "%s%s%s%s%s", cluster->switchover_at, cluster->switchover_from ? " from " : "",
		cluster->switchover_from ? cluster->switchover_from : "",
		cluster->switchover_to ? " to " : "", cluster->switchover_to ? cluster->switchover_to : "");
}

/* What patronictl has below its table. */
static void show_below(const struct command_context *context, const struct patroni_cluster *cluster)
{
	struct arena *mem = context->mem;
	if (json_is_true(json_object_get(cluster->config, "pause")))
		command_block(context, stdout, 0,
			arena_printf(
				mem, "%s: Maintenance mode: on (nobody takes over by itself)", cluster->name),
			CELL_BUSY);
	if (cluster->switchover_at)
		command_block(context, stdout, 0,
			arena_printf(mem, "%s: Switchover scheduled at: %s", cluster->name,
				switchover(cluster, mem)),
			CELL_BUSY);
	show_problems(context, cluster, false);
}

void cluster_show_list(const struct command_context *context, const struct patroni_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		show_problems(context, &set->items[i], true);
	show_members(context, set->items, set->count, true);
	for (size_t i = 0; i < set->count; i++)
		show_below(context, &set->items[i]);
}

/* ---- one cluster ---- */

static void field(const struct command_context *context, const char *name, const char *value)
{
	if (value && *value)
		command_field(context, name, value, CELL_PLAIN);
}

static const char *leader_text(const struct patroni_cluster *cluster, struct arena *mem)
{
	const char *leader = cluster->leader ? cluster->leader : "none";
	if (!cluster->acquired)
		return leader;
	return arena_printf(mem, "%s, for %s; record renewed %s ago", leader, age(cluster->acquired, mem),
		age(cluster->renewed, mem));
}

static const char *failover_text(const struct patroni_cluster *cluster, struct arena *mem)
{
	if (!cluster->failed_over)
		return cluster->history_unknown ? arena_printf(mem, "not known: %s", cluster->history_unknown)
						: NULL;
	return arena_printf(mem, "%s ago%s%s", age(cluster->failed_over, mem),
		cluster->failed_over_to ? ", to " : "", cluster->failed_over_to ? cluster->failed_over_to : "");
}

static const char *volume_text(const struct patroni_cluster *cluster, struct arena *mem)
{
	if (!cluster->volume_size && !cluster->volume_count)
		return NULL;
	return arena_printf(mem, "%s wanted; %zu claim%s%s%s", command_or_dash(cluster->volume_size),
		cluster->volume_count, cluster->volume_count == 1 ? "" : "s",
		cluster->volume_capacity ? " of " : "",
		cluster->volume_capacity ? cluster->volume_capacity : "");
}

static void show_operated(const struct command_context *context, const struct patroni_cluster *cluster)
{
	if (!cluster->operated)
		return;
	field(context, "Instances",
		arena_printf(context->mem, "%zu of %lld", cluster->member_count, (long long)cluster->wanted));
	field(context, "Version", cluster->postgres_version);
	command_field(context, "Operator", command_or_dash(cluster->operator_status),
		text_equal(cluster->operator_status, "Running") ? CELL_GOOD : CELL_BUSY);
}

/* Its database is there while one runs, and stays where one was killed. */
static void show_drill(
	const struct command_context *context, const struct patroni_cluster *cluster, const json_t *server)
{
	struct arena *mem = context->mem;
	const char *drill = json_text_at(server, "failoverDrill", NULL);
	if (text_equal(drill, "running"))
		command_block(context, stdout, 0,
			arena_printf(mem, "%s: a failover drill runs, or somebody is in the database of one",
				cluster->name),
			CELL_BUSY);
	if (text_equal(drill, "left"))
		command_block(context, stdout, 0,
			arena_printf(mem,
				"%s: a failover drill that was killed left its database " DRILL_DATABASE
				": `pgitops cluster failover-drill %s%s%s --clean` drops it",
				cluster->name, cluster->namespace, *cluster->namespace ? "/" : "",
				cluster->name),
			CELL_BUSY);
}

static const char *connections_text(const json_t *server, struct arena *mem)
{
	long long waiting = json_number_at(server, "commitsWaiting", 0);
	return arena_printf(mem, "%lld of %lld%s", (long long)json_number_at(server, "connections", 0),
		(long long)json_number_at(server, "maxConnections", 0),
		!waiting ? ""
			 : arena_printf(mem, "; %lld %s in COMMIT for a synchronous standby", waiting,
				   waiting == 1 ? "waits" : "wait"));
}

void cluster_show(
	const struct command_context *context, const struct patroni_cluster *cluster, const json_t *server)
{
	struct arena *mem = context->mem;
	show_problems(context, cluster, true);
	field(context, "Cluster",
		*cluster->namespace ? arena_printf(mem, "%s/%s", cluster->namespace, cluster->name)
				    : cluster->name);
	field(context, "System", cluster->system);
	field(context, "Leader", leader_text(cluster, mem));
	field(context, "Timeline",
		cluster->timeline ? arena_printf(mem, "%lld", (long long)cluster->timeline) : NULL);
	field(context, "Failover", failover_text(cluster, mem));
	show_operated(context, cluster);
	field(context, "Volume", volume_text(cluster, mem));
	field(context, "Synchronous", cluster->sync_standby);
	if (server)
		field(context, "Connections", connections_text(server, mem));
	putchar('\n');
	show_members(context, cluster, 1, false);
	show_below(context, cluster);
	show_drill(context, cluster, server);
}
