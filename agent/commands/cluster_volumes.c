#include "agent/commands/cluster_volumes.h"

#include <string.h>

#include "base/buf.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/kube.h"

enum { NODES = 64, ASK_SECONDS = 5 };

/* ---- the kubelets ---- */

/* Kubelets say their Pods and volumes in no order: a member's stand by their claims, from `first` on. */
static void add_stats(json_t *out, size_t first, const char *member, const json_t *volume)
{
	static const char *const numbers[] = {"usedBytes", "capacityBytes", "availableBytes"};
	json_t *made = json_pack("{s:s}", "member", member);
	json_set_text(made, "claim", json_text_at(volume, "pvcRef.name", ""));
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (json_is_integer(json_object_get(volume, numbers[i])))
			json_object_set(made, numbers[i], json_object_get(volume, numbers[i]));
	json_set_text(made, "source", "kubelet");
	while (first < json_array_size(out) &&
		strcmp(json_text_at(json_array_get(out, first), "claim", ""),
			json_text_at(made, "claim", "")) < 0)
		first++;
	json_array_insert_new(out, first, made);
}

/* Of the member's Pod, where it is on this node, whatever is a claim's: secrets and empty folders are volumes, too. */
static void take_summary(json_t *out, const char *namespace, const char *member, const json_t *summary)
{
	const json_t *pod, *volume;
	size_t i, j, first = json_array_size(out);
	json_array_foreach (json_object_get(summary, "pods"), i, pod) {
		if (!text_equal(json_text_at(pod, "podRef.name", ""), member) ||
			!text_equal(json_text_at(pod, "podRef.namespace", ""), namespace))
			continue;
		json_array_foreach (json_object_get(pod, "volume"), j, volume)
			if (json_is_integer(json_object_get(volume, "usedBytes")) &&
				*json_text_at(volume, "pvcRef.name", ""))
				add_stats(out, first, member, volume);
	}
}

static size_t nodes_of(
	const struct patroni_cluster *cluster, struct kube_request requests[NODES], struct arena *mem)
{
	size_t count = 0;
	for (size_t i = 0; i < cluster->member_count; i++) {
		const char *node = cluster->members[i].node;
		bool known = !node || count == NODES;
		for (size_t j = 0; j < i && !known; j++)
			known = text_equal(cluster->members[j].node, node);
		if (known)
			continue;
		CLEANUP(buf_done) struct buf path = BUF(1024);
		buf_text(&path, "/api/v1/nodes/");
		percent_encode(&path, node);
		buf_text(&path, "/proxy/stats/summary");
		requests[count++] = (struct kube_request){
			.method = "GET", .path = arena_copy(mem, buf_string(&path)), .seconds = ASK_SECONDS};
	}
	return count;
}

static void ask_kubelets(const struct command_context *context, const struct cluster_source *source,
	const struct patroni_cluster *cluster, json_t *out, const char **why)
{
	struct kube_request requests[NODES];
	CLEANUP(cluster_disconnect) struct cluster_connection own = {.kube = NULL};
	struct error err = {0};
	size_t count = nodes_of(cluster, requests, context->mem);
	if (!count)
		return;
	const struct cluster_connection *server = cluster_connect(source, &own, &err);
	bool ok = server;
	if (ok)
		kube_run(server->kube, requests, count);
	for (size_t i = 0; ok && i < count; i++)
		if (requests[i].error.kind != ERROR_NONE)
			err = requests[i].error;
	for (size_t i = 0; ok && i < cluster->member_count; i++)
		for (size_t j = 0; j < count; j++)
			take_summary(out, cluster->namespace, cluster->members[i].name, requests[j].answer);
	for (size_t i = 0; ok && i < count; i++)
		json_decref(requests[i].answer);
	if (err.kind != ERROR_NONE)
		*why = arena_printf(context->mem, "how full the volumes are is not known: %s%s", err.text,
			err.kind == ERROR_DENIED
				? "; the verb get on nodes/proxy is needed, which gives much more than "
				  "that to whoever has it"
				: "");
}

/* ---- the primary ---- */

static bool has_member(const json_t *volumes, const char *member)
{
	const json_t *volume;
	size_t i;
	json_array_foreach (volumes, i, volume)
		if (text_equal(json_text_at(volume, "member", ""), member))
			return true;
	return false;
}

static void take_server(json_t *out, const struct patroni_cluster *cluster, const json_t *server)
{
	int64_t bytes = json_number_at(server, "walBytes", 0);
	const json_t *database;
	size_t i;
	json_array_foreach (json_object_get(server, "databases"), i, database)
		bytes += json_number_at(database, "bytes", 0);
	if (cluster->leader && bytes > 0 && !has_member(out, cluster->leader))
		json_array_append_new(out,
			json_pack("{s:s,s:I,s:s}", "member", cluster->leader, "atLeastBytes",
				(json_int_t)bytes, "source", "postgresql"));
}

json_t *cluster_volumes(const struct command_context *context, const struct cluster_source *source,
	const struct patroni_cluster *cluster, const json_t *server, const char **why)
{
	json_t *out = json_array();
	*why = NULL;
	if (*cluster->namespace)
		ask_kubelets(context, source, cluster, out, why);
	take_server(out, cluster, server);
	return out;
}

/* ---- as a table ---- */

static const char *used_text(const json_t *volume, struct arena *mem)
{
	int64_t used = json_number_at(volume, "usedBytes", PATRONI_UNKNOWN);
	int64_t capacity = json_number_at(volume, "capacityBytes", 0);
	if (used == PATRONI_UNKNOWN)
		return arena_printf(mem, "at least %s",
			cluster_bytes(json_number_at(volume, "atLeastBytes", PATRONI_UNKNOWN), mem));
	if (capacity <= 0)
		return cluster_bytes(used, mem);
	return arena_printf(
		mem, "%s (%.0f%%)", cluster_bytes(used, mem), 100.0 * (double)used / (double)capacity);
}

void cluster_show_volumes(const struct command_context *context, const json_t *volumes, const char *why)
{
	static const char *const headers[] = {"MEMBER", "CLAIM", "USED", "OF", "FREE", "SAYS"};
	struct arena *mem = context->mem;
	const json_t *volume;
	size_t i;
	if (why)
		command_block(context, stderr, 0, why, CELL_DIM);
	if (!json_array_size(volumes))
		return;
	puts("\nVolumes");
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (volumes, i, volume) {
		bool kubelet = text_equal(json_text_at(volume, "source", ""), "kubelet");
		table_cell(table, json_text_at(volume, "member", "-"), CELL_PLAIN);
		table_cell(table, json_text_at(volume, "claim", "-"), CELL_PLAIN);
		table_cell(table, used_text(volume, mem), CELL_PLAIN);
		table_cell(table, cluster_bytes(json_number_at(volume, "capacityBytes", PATRONI_UNKNOWN), mem),
			CELL_PLAIN);
		table_cell(table, cluster_bytes(json_number_at(volume, "availableBytes", PATRONI_UNKNOWN), mem),
			CELL_PLAIN);
		table_cell(table, kubelet ? "kubelet" : "PostgreSQL: databases and WAL", CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}
