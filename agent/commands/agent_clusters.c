#include "agent/commands/agent_clusters.h"

#include <stdlib.h>

#include "agent/commands/cluster.h"
#include "base/limits.h"
#include "base/memory.h"

/* What could not be had and does not matter to everything is told beside what could. */
static json_t *document_of(const struct patroni_cluster *cluster, const char *note, struct arena *mem)
{
	json_t *document = cluster_document(cluster, mem);
	json_set_text(document, "note", note);
	return document;
}

static json_t *read_one(struct agent_clusters *clusters, const struct database_config *database,
	struct command_context *context, struct error *err)
{
	struct cluster_source source = {.config = *clusters->config, .configured = true};
	struct patroni_set set = {.mem = context->mem};
	const char *note = NULL;
	cluster_source_accesses(&source, context->mem);
	const struct patroni_cluster *cluster =
		cluster_read_entry(context, &source, database, &set, &note, err);
	json_t *document = cluster ? document_of(cluster, note, context->mem) : NULL;
	patroni_done(&set);
	cluster_source_close(&source);
	if (!arena_full(context->mem))
		return document;
	json_decref(document);
	error_set(err, ERROR_INVALID, "what is known of it needs more than %ld MiB of memory",
		LIMIT_READING_MEMORY >> 20);
	return NULL;
}

static json_t *read_cluster(void *context, size_t number)
{
	struct agent_clusters *clusters = context;
	const struct database_config *database = clusters->entries[number];
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_READING_MEMORY);
	struct command_context command = {.mem = mem};
	struct error err = {0};
	if (!number)
		clusters->silent = (struct error){0};
	if (database->cluster.name && clusters->silent.kind == ERROR_RETRY)
		return json_pack("{s:s}", "error", clusters->silent.text);
	json_t *document = read_one(clusters, database, &command, &err);
	if (document)
		return document;
	if (database->cluster.name)
		clusters->silent = err;
	return json_pack("{s:s}", "error", err.text);
}

const struct http_clusters *agent_clusters_open(struct agent_clusters *clusters, const struct config *config)
{
	struct http_clusters *http = &clusters->http;
	clusters->config = config;
	clusters->entries = memory_alloc((config->database_count + 1) * sizeof(*clusters->entries));
	*http = (struct http_clusters){.context = clusters, .read = read_cluster};
	clusters->names = memory_alloc((config->database_count + 1) * sizeof(*clusters->names));
	http->databases = clusters->names;
	for (size_t i = 0; i < config->database_count; i++) {
		const struct database_config *database = &config->databases[i];
		if (!database->cluster.name && !database->patroni_count)
			continue;
		clusters->entries[http->count] = database;
		clusters->names[http->count++] = database->name;
	}
	return http;
}

void agent_clusters_close(struct agent_clusters *clusters)
{
	free(clusters->entries);
	free(clusters->names);
}
