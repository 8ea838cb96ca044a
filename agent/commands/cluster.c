/*
 * cluster.c - `pgitops cluster list` and `cluster get`: database clusters as Kubernetes, Patroni and the operator have them now
 */
#include "agent/commands/cluster.h"
#include "agent/commands/cluster_event.h"
#include "agent/commands/cluster_volumes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { WATCH_SECONDS = 2 };

#define CLUSTER_READING_HELP                                                                                    \
	"  -n, --namespace NS   only this namespace\n"                                                          \
	"  --no-ask             only what Kubernetes has; no member is asked\n"                                 \
	"  -w, --watch          again every two seconds; where it is no terminal, when something has changed\n" \
	"  --kubeconfig FILE, --context NAME   which Kubernetes, instead of the agent file's\n\n"

const char command_cluster_list_help[] =
	"Shows each member of each database cluster as `patronictl list` does, and what that cannot know. Kubernetes is asked for\n"
	"Patroni's records, and each member for its own state; clusters outside of Kubernetes are those with databases[].patroni in\n"
	"the agent file. What is wrong stands first: two primaries, no leader, a leader that is dead or still in recovery.\n"
	"Exit code 1 when a cluster has not exactly one primary that takes writes.\n\n"
	"  RECEIVE-LAG, REPLAY-LAG   bytes behind the leader, received and replayed\n"
	"  HEARD                     `now` when the member answered; else how long ago it wrote its state into Kubernetes, which\n"
	"                            it does only when that changes\n\n" CLUSTER_READING_HELP "Examples:\n"
	"  pgitops cluster list\n"
	"  pgitops cluster list -n default -w\n"
	"  pgitops cluster list -o json | jq -r '.items[] | select(.healthy | not) | .name'\n";

const char command_cluster_get_help[] =
	"Shows one cluster: its leader and since when, the last failover, instances, volumes, the operator's status, what is\n"
	"wrong, and the members as in `pgitops cluster list`. A rolling update, a volume that does not grow, and an operator that is\n"
	"absent, blocked or has failed are told in one sentence each, since when, and with what to do. Where the agent file has a\n"
	"`databases` entry for it (its `postgresql`, or `patroni`), the primary is asked, too: who streams and how far behind, slots\n"
	"and the WAL they hold, sizes, connections. How full the volumes are the kubelets say to whoever may get nodes/proxy, else the\n"
	"primary: at least its databases and WAL. Below are the last Events of its objects, those that say the same as one\n"
	"(`pgitops cluster events` has all). NAME may be NAMESPACE/NAME. Exit code 1 as there.\n\n" CLUSTER_READING_HELP
	"Examples:\n"
	"  pgitops cluster get acid-minimal-cluster\n"
	"  pgitops cluster get default/acid-minimal-cluster -o yaml\n";

struct showing {
	const char *name; /* NULL = all of them */
	bool watch;
	char *before; /* what was shown last, as JSON without what only ages */
};

/* What is asked only for the one that is looked at closely. */
struct closely {
	json_t *events, *server, *volumes;
	const char *no_events, *no_server, *no_volumes; /* why they could not be had; NULL = they could */
};

static void look_closely(struct command_context *context, const struct cluster_source *source,
	struct patroni_cluster *cluster, struct closely *more)
{
	more->events = cluster_recent_events(context, source, cluster, &more->no_events);
	if (!source->words_only)
		more->server = cluster_server(context, source, cluster, &more->no_server);
	more->volumes = cluster_volumes(context, source, cluster, more->server, &more->no_volumes);
}

static void closely_done(struct closely *more)
{
	json_decref(more->events);
	json_decref(more->server);
	json_decref(more->volumes);
}

/* ---- one reading, shown ---- */

/* A volume fills all the time: it is worth a line when it is a percent fuller. */
static json_t *volumes_essence(const json_t *volumes)
{
	json_t *out = json_array();
	const json_t *volume;
	size_t i;
	json_array_foreach (volumes, i, volume) {
		int64_t capacity = json_number_at(volume, "capacityBytes", 0);
		int64_t used = json_number_at(volume, "usedBytes", 0);
		json_array_append_new(out,
			json_pack("{s:s,s:s,s:I}", "member", json_text_at(volume, "member", ""), "claim",
				json_text_at(volume, "claim", ""), "percent",
				(json_int_t)(capacity > 0 ? (double)used * 100 / (double)capacity : 0)));
	}
	return out;
}

/* Ages and positions move by themselves. */
static char *essence(const struct patroni_set *set, const struct closely *more, struct arena *mem)
{
	CLEANUP(json_done) json_t *document = cluster_list_document(set, mem);
	json_t *cluster, *member;
	size_t i, j;
	json_array_foreach (json_object_get(document, "items"), i, cluster) {
		json_object_del(cluster, "leaderRenewed");
		json_array_foreach (json_object_get(cluster, "members"), j, member) {
			static const char *const moving[] = {"heard", "location", "received", "replayed",
				"lagBytes", "receiveLagBytes", "replayLagBytes"};
			for (size_t k = 0; k < COUNT_OF(moving); k++)
				json_object_del(member, moving[k]);
		}
	}
	if (more->events)
		json_object_set(document, "events", more->events);
	json_object_set_new(document, "volumes", volumes_essence(more->volumes));
	return json_canonical(document);
}

/* A terminal is drawn anew; elsewhere only what changed is worth a line. */
static bool is_news(struct command_context *context, struct showing *showing, const struct patroni_set *set,
	const struct closely *more)
{
	if (!showing->watch)
		return true;
	if (isatty(STDOUT_FILENO) && !command_is_document(context)) {
		fputs("\033[H\033[J", stdout);
		return true;
	}
	char *now = essence(set, more, context->mem);
	bool same = text_equal(now, showing->before);
	if (!same && showing->before && !command_is_document(context))
		putchar('\n');
	free(showing->before);
	showing->before = now;
	return !same;
}

static void show_set(struct command_context *context, const struct patroni_set *set)
{
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *document = cluster_list_document(set, context->mem);
		output_document(&context->output, document);
	} else if (set->count) {
		cluster_show_list(context, set);
	} else {
		fputs("pgitops: there are no clusters: no Pod here has a word of Patroni, and there is no postgresql object\n",
			stderr);
	}
}

static void show_events(const struct command_context *context, const json_t *events, const char *why)
{
	if (why)
		command_block(context, stderr, 0, why, CELL_DIM);
	if (!json_array_size(events))
		return;
	puts("\nEvents");
	cluster_events_table(context, events);
}

static void show_one(
	struct command_context *context, const struct patroni_cluster *cluster, const struct closely *more)
{
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *document = cluster_document(cluster, context->mem);
		cluster_document_add(document, more->server, more->no_server);
		if (more->events)
			json_object_set(document, "events", more->events);
		json_set_text(document, "eventsError", more->no_events);
		if (json_array_size(more->volumes))
			json_object_set(document, "volumes", more->volumes);
		json_set_text(document, "volumesError", more->no_volumes);
		output_document(&context->output, document);
	} else {
		cluster_show(context, cluster, more->server);
		cluster_show_server(context, more->server, more->no_server);
		cluster_show_volumes(context, more->volumes, more->no_volumes);
		show_events(context, more->events, more->no_events);
	}
}

static int judge(const struct patroni_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].bad)
			return EXIT_NO;
	return EXIT_YES;
}

static int show(struct command_context *context, const struct cluster_source *source, struct showing *showing,
	struct patroni_set *set)
{
	struct closely more = {0};
	const char *note = NULL;
	struct error err;
	bool ok = cluster_read(context, source, showing->name, set, &note, &err);
	struct patroni_cluster *one = ok && showing->name ? cluster_pick(set, showing->name, &err) : NULL;
	if (note)
		command_block(context, stderr, 0, note, CELL_BUSY);
	if (!ok || (showing->name && !one))
		return command_failed(&err);
	if (one)
		look_closely(context, source, one, &more);
	if (is_news(context, showing, set, &more)) {
		if (one)
			show_one(context, one, &more);
		else
			show_set(context, set);
		fflush(stdout);
	}
	closely_done(&more);
	return one ? (one->bad ? EXIT_NO : EXIT_YES) : judge(set);
}

/* Each reading has memory of its own; one that fails is told, and the next may be better: that is what is watched for. */
static int run(struct command_context *context, const struct cluster_source *source, struct showing *showing)
{
	for (;;) {
		CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
		struct command_context own = *context;
		struct patroni_set set = {.mem = mem};
		own.mem = mem;
		int code = show(&own, source, showing, &set);
		patroni_done(&set);
		if (!showing->watch)
			return code;
		memory_give_back();
		sleep(WATCH_SECONDS);
	}
}

static int command_cluster(struct command_context *context, int argc, char **argv, int names)
{
	struct cluster_source source = {0};
	struct showing showing = {0};
	struct cluster_connection kept = {.kube = NULL};
	const struct command_option options[] = {
		{"--namespace", NULL, &source.namespace},
		{"-n", NULL, &source.namespace},
		{"--no-ask", &source.words_only, NULL},
		{"--watch", &showing.watch, NULL},
		{"-w", &showing.watch, NULL},
		{"--kubeconfig", NULL, &source.kubeconfig},
		{"--context", NULL, &source.kube_context},
	};
	struct error err;
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), names, names))
		return EXIT_NO_ANSWER;
	if (!cluster_arguments_good(context, &source, names ? argv[0] : NULL))
		return EXIT_NO_ANSWER;
	showing.name = names ? argv[0] : NULL;
	source.kept = showing.watch ? &kept : NULL;
	int code = cluster_source_open(context, &source, &err) ? run(context, &source, &showing)
							       : command_failed(&err);
	cluster_disconnect(&kept);
	cluster_source_close(&source);
	return code;
}

int command_cluster_list(struct command_context *context, int argc, char **argv)
{
	return command_cluster(context, argc, argv, 0);
}

int command_cluster_get(struct command_context *context, int argc, char **argv)
{
	return command_cluster(context, argc, argv, 1);
}
