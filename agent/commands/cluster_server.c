/* cluster_server.c - what the primary itself says of a cluster, where the agent file has a way in: databases[] with this `postgresql`, or with
   the `patroni` that the cluster was found by */
#include "agent/commands/cluster.h"
#include "agent/users/database_target.h"
#include "base/text.h"
#include "reconcile/patroni/server.h"

bool cluster_target(const struct command_context *context, const struct cluster_source *source,
	const struct database_config *database, struct session_target *target, struct error *err)
{
	CLEANUP(cluster_disconnect) struct cluster_connection own = {.kube = NULL};
	struct role_claims ignored;
	struct error none;
	const struct cluster_connection *server = cluster_connect(source, &own, &none);
	struct secrets *secrets = secrets_new(source->config.secrets);
	secrets_refresh(secrets);
	bool ok = database_target(
		database, secrets, server ? server->kube : NULL, context->mem, target, &ignored, err);
	target->witness = NULL; /* it ends with the connection, and is for what the users' passes write */
	secrets_free(secrets);
	return ok;
}

static bool ask(const struct command_context *context, const struct cluster_source *source,
	const struct database_config *database, json_t **answer, struct error *err)
{
	struct session_target target = {0};
	bool ok = cluster_target(context, source, database, &target, err) &&
		patroni_server_read(&target, answer, err);
	secret_done(&target.password);
	return ok;
}

json_t *cluster_server(const struct command_context *context, const struct cluster_source *source,
	const struct patroni_cluster *cluster, const char **why)
{
	const struct database_config *database = cluster_entry(source, cluster);
	json_t *answer = NULL;
	struct error err;
	*why = NULL;
	if (!database)
		*why = "sizes, connections, slots and replication are asked of the primary, and no `databases` entry of an agent "
		       "file is this cluster's";
	else if (!ask(context, source, database, &answer, &err))
		*why = arena_printf(context->mem, "the primary does not say how it is: %s", err.text);
	return answer;
}

/* ---- tables ---- */

static const char *number_of_bytes(const json_t *item, const char *key, struct arena *mem)
{
	return cluster_bytes(json_number_at(item, key, PATRONI_UNKNOWN), mem);
}

static const char *seconds(const json_t *item, struct arena *mem)
{
	const json_t *behind = json_object_get(item, "lagSeconds");
	return json_is_number(behind) ? arena_printf(mem, "%.1fs", json_number_value(behind)) : "-";
}

static void replication_row(struct table *table, const json_t *item, struct arena *mem)
{
	table_cell(table, json_text_at(item, "name", "-"), CELL_PLAIN);
	table_cell(table, json_text_at(item, "client", "-"), CELL_PLAIN);
	table_cell(table, json_text_at(item, "state", "-"), CELL_PLAIN);
	table_cell(table, json_text_at(item, "sync", "-"), CELL_PLAIN);
	table_cell(table, number_of_bytes(item, "sentLagBytes", mem), CELL_PLAIN);
	table_cell(table, number_of_bytes(item, "flushLagBytes", mem), CELL_PLAIN);
	table_cell(table, number_of_bytes(item, "replayLagBytes", mem), CELL_PLAIN);
	table_cell(table, seconds(item, mem), CELL_PLAIN);
}

static void slot_row(struct table *table, const json_t *item, struct arena *mem)
{
	bool active = json_bool_at(item, "active", false);
	table_cell(table, json_text_at(item, "name", "-"), CELL_PLAIN);
	table_cell(table, json_text_at(item, "type", "-"), CELL_PLAIN);
	table_cell(table, active ? "yes" : "no", active ? CELL_GOOD : CELL_BUSY);
	table_cell(table, number_of_bytes(item, "heldBytes", mem), CELL_PLAIN);
	table_cell(table, json_text_at(item, "status", "-"), CELL_PLAIN);
}

static void database_row(struct table *table, const json_t *item, struct arena *mem)
{
	table_cell(table, json_text_at(item, "name", "-"), CELL_PLAIN);
	table_cell(table, number_of_bytes(item, "bytes", mem), CELL_PLAIN);
}

static const struct section {
	const char *title, *list;
	const char *headers[8];
	size_t columns;
	void (*row)(struct table *table, const json_t *item, struct arena *mem);
} sections[] = {
	{"Replication", "replication",
		{"NAME", "CLIENT", "STATE", "SYNC", "SENT-LAG", "FLUSH-LAG", "REPLAY-LAG", "BEHIND"}, 8,
		replication_row},
	{"Slots", "slots", {"NAME", "TYPE", "ACTIVE", "HOLDS", "WAL"}, 5, slot_row},
	{"Databases", "databases", {"NAME", "SIZE"}, 2, database_row},
};

void cluster_show_server(const struct command_context *context, const json_t *server, const char *why)
{
	if (why)
		command_block(context, stderr, 0, why, CELL_DIM);
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		const json_t *list = json_object_get(server, sections[i].list), *item;
		size_t at;
		if (!json_array_size(list))
			continue;
		printf("\n%s\n", sections[i].title);
		struct table *table = table_new(&context->output, sections[i].headers, sections[i].columns);
		json_array_foreach (list, at, item)
			sections[i].row(table, item, context->mem);
		table_print(table);
		table_free(table);
	}
}
