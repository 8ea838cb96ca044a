/*
 * agent_clusters.h - the database clusters that a running agent is about, as its page shows them
 *
 * They are those that `databases` entries name by `postgresql` or `patroni`; each is read as `cluster list` reads all of them, with the
 * agent's own rights. Files are read anew each time, so that a new certificate or token counts at once.
 */
#pragma once

#include "agent/config/config.h"
#include "agent/http/http.h"
#include "base/error.h"

struct agent_clusters {
	const struct config *config;
	const struct database_config **entries;
	const char **names;
	struct http_clusters http;
	struct error silent; /* of the API server in this round: whoever is to be asked there, too, waits for it no second time */
};

/* For the HTTP server, until agent_clusters_close(). `config` is borrowed. */
const struct http_clusters *agent_clusters_open(struct agent_clusters *clusters, const struct config *config);
void agent_clusters_close(struct agent_clusters *clusters);
