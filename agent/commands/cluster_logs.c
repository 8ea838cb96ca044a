/* cluster_logs.c - `pgitops cluster logs`: what the members of a cluster and the operator write, side by side in the order of time */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/cluster_log_lines.h"
#include "agent/commands/cluster_place.h"
#include "base/clock.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"
#include "reconcile/kubernetes/stream.h"
#include "reconcile/patroni/patroni.h"

const char command_cluster_logs_help[] =
	"Shows the logs of all members of a cluster and the operator's lines about it, in the order of their times, each line with its\n"
	"member in front; who leads is said when it begins, and with -f when that changes. What a terminal would obey is shown as an\n"
	"escape. With -f it goes on, once what there is has come of each (one that takes over 5 seconds is waited for no longer); a Pod\n"
	"that is started anew is read on where it was left.\n\n"
	"  -f, --follow         go on with what comes\n"
	"      --since 1h       what is newer, or than a time (2026-01-02T03:04:05Z)\n"
	"      --tail N         the last lines of each, or `all` (200; without --since)\n"
	"      --member MEMBER  of this one alone\n"
	"      --no-operator    without the operator\n" CLUSTER_PLACE_HELP
	"\nNeeded are list on pods and get on pods/log; for the operator's lines list on pods where it runs, too: without that they are left\n"
	"out, which is said. Exit code 2 when a log could not be had.\n\n"
	"Examples:\n"
	"  pgitops cluster logs acid-minimal-cluster -f\n"
	"  pgitops cluster logs acid-minimal-cluster --since 1h --member acid-minimal-cluster-0\n"
	"  pgitops cluster logs acid-minimal-cluster -o json | jq -r '.items[] | select(.line | test(\"FATAL\")) | .line'\n";

/* As `cluster list`: what else has the label is no member. */
#define SELECTOR "cluster-name=%s,application notin (db-connection-pooler,spilo-logical-backup)"

enum {
	STEP_MILLISECONDS = 100,
	HOLD_MILLISECONDS = 300,   /* of a line that others may have written something before */
	LOOK_MILLISECONDS = 2000,  /* until it is looked for Pods that are new, or are back */
	FIRST_MILLISECONDS = 5000, /* until one that does not say what there is holds up the others no more */
	TAIL = 200,
	OPERATOR_TAIL = 20000, /* lines of all clusters that are looked through */
	TIME_SIZE = 40
};

struct wanted {
	bool follow, no_operator;
	const char *since, *since_text, *tail_text, *member;
	long tail; /* -1 = all */
};

struct logs;

struct source {
	struct logs *logs;
	size_t number;
	const char *name; /* of the member, or "operator" */
	const char *namespace, *pod, *container;
	bool operator, leads;
	struct stream *stream;
	char last[TIME_SIZE];   /* of the newest line; "" = there was none */
	char resume[TIME_SIZE]; /* what was read before this stream began */
	bool follows;           /* the stream goes on with what comes */
	bool told_end;          /* that it has ended was said */
};

struct logs {
	struct command_context *context;
	struct cluster_place *place;
	struct wanted wanted;
	struct streams *streams;
	struct log_lines *lines;
	struct source **sources;
	size_t count;
	size_t width;     /* of the longest name */
	json_t *items;    /* where a document is wanted; NULL = lines are */
	const char *mark; /* NAMESPACE/NAME, by which the operator names the cluster */
	int64_t looked;
	bool first; /* what there is is read, as far as its end: only so it is known that it is all, and what was first */
	bool trimmed, failed;
};

/* ---- a line ---- */

/* Each has a colour of its own, always the same. */
static const char *const hues[] = {
	"\033[36m", "\033[32m", "\033[33m", "\033[35m", "\033[34m", "\033[96m", "\033[92m", "\033[95m"};

static void print_line(const struct logs *logs, const struct source *source, const char *text)
{
	CLEANUP(buf_done) struct buf name = BUF(4096), visible = BUF(4 * LIMIT_WATCH_LINE);
	bool colour = logs->context->output.colour;
	output_visible(source->name, false, &name);
	output_visible(text, false, &visible);
	printf("%s%-*s%s | %s\n", colour ? hues[source->number % COUNT_OF(hues)] : "", (int)logs->width,
		buf_string(&name), colour ? "\033[0m" : "", buf_string(&visible));
}

static void tell_line(void *context, const struct log_line *line)
{
	struct logs *logs = context;
	const struct source *source = logs->sources[line->source];
	if (!command_is_document(logs->context)) {
		print_line(logs, source, line->text);
		return;
	}
	CLEANUP(json_done)
	json_t *item =
		json_pack("{s:s,s:s,s:s}", "time", line->time, "member", source->name, "line", line->text);
	if (logs->items)
		json_array_append(logs->items, item);
	else
		output_document(&logs->context->output, item);
}

/* The operator names a cluster NAMESPACE/NAME; of "a/b" that is neither in "a/b-2" nor in "aa/b". */
static bool is_about(const char *line, const char *mark)
{
	static const char within[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t length = strlen(mark);
	for (const char *at = strstr(line, mark); at; at = strstr(at + 1, mark)) {
		bool begins = at == line || !strchr(within, at[-1]);
		if (begins && (!at[length] || !strchr(within, at[length])))
			return true;
	}
	return false;
}

/* What was read before comes again after a gap: the server counts in seconds. */
static void take_line(void *context, const char *line, size_t length)
{
	struct source *source = context;
	struct logs *logs = source->logs;
	size_t size = strcspn(line, " ");
	if (*source->resume && size < TIME_SIZE && strncmp(line, source->resume, size) <= 0)
		return;
	if (source->operator&& !is_about(line, logs->mark))
		return;
	source->told_end = false;
	const char *time = log_lines_add(logs->lines, source->number, line, length, clock_steady());
	if (*time && strncmp(line, time, strlen(time)) == 0)
		snprintf(source->last, sizeof(source->last), "%s", time);
}

/* ---- whose logs ---- */

/* The one that PostgreSQL is in, by the operator's name of it; else the one that is meant where nobody says. */
static const char *container_of(const json_t *pod, const char *wanted)
{
	const json_t *container;
	size_t i;
	json_array_foreach (json_at(pod, "spec.containers"), i, container)
		if (text_equal(json_text_at(container, "name", ""), wanted))
			return wanted;
	const json_t *usual = json_object_get(
		json_at(pod, "metadata.annotations"), "kubectl.kubernetes.io/default-container");
	if (json_is_string(usual))
		return json_string_value(usual);
	return json_text_at(json_array_get(json_at(pod, "spec.containers"), 0), "name", "");
}

static struct source *find_source(const struct logs *logs, const char *namespace, const char *pod)
{
	for (size_t i = 0; i < logs->count; i++)
		if (text_equal(logs->sources[i]->pod, pod) && text_equal(logs->sources[i]->namespace, namespace))
			return logs->sources[i];
	return NULL;
}

static struct source *add_source(struct logs *logs, const json_t *pod, const char *name, const char *container)
{
	struct arena *mem = logs->context->mem;
	const char *namespace = json_text_at(pod, "metadata.namespace", "");
	struct source *source = find_source(logs, namespace, json_text_at(pod, "metadata.name", ""));
	if (source)
		return source;
	source = arena_alloc(mem, sizeof(*source));
	*source = (struct source){.logs = logs,
		.number = logs->count,
		.pod = arena_copy(mem, json_text_at(pod, "metadata.name", "")),
		.namespace = arena_copy(mem, namespace),
		.container = arena_copy(mem, container_of(pod, container)),
		.operator= name };
	source->name = name ? name : source->pod;
	logs->sources = arena_grow(mem, (void *)logs->sources, logs->count, sizeof(struct source *));
	logs->sources[logs->count++] = source;
	if (strlen(source->name) > logs->width)
		logs->width = strlen(source->name);
	return source;
}

static void begin(struct source *source)
{
	const struct wanted *wanted = &source->logs->wanted;
	CLEANUP(buf_done) struct buf path = BUF(8192);
	memcpy(source->resume, source->last, sizeof(source->resume));
	buf_printf(&path, "/api/v1/namespaces/%s/pods/%s/log?timestamps=true&container=%s", source->namespace,
		source->pod, source->container);
	source->follows = wanted->follow && !source->logs->first;
	if (source->follows)
		buf_text(&path, "&follow=true");
	if (*source->last)
		buf_printf(&path, "&sinceTime=%.19sZ", source->last);
	else if (wanted->since) {
		buf_text(&path, "&sinceTime=");
		percent_encode(&path, wanted->since);
	}
	if (!*source->last && wanted->tail >= 0)
		buf_printf(&path, "&tailLines=%ld", source->operator? (long)OPERATOR_TAIL : wanted->tail);
	source->stream = stream_open(source->logs->streams, buf_string(&path), take_line, source);
}

/* Beside the lines, as those of before were written by whoever led then. */
static void tell_leader(struct source *source, const json_t *pod)
{
	bool leads = patroni_labelled_primary(pod);
	if (leads && !source->leads)
		say(stderr, "pgitops: %s leads%s\n", source->name, *source->last ? " now" : "");
	source->leads = leads;
}

/* New members get a source, and those that have nothing to read from are read on. */
static bool find_members(struct logs *logs, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)16 << 20);
	struct cluster_listing pods = {
		.plural = "pods", .selector = arena_printf(mem, SELECTOR, logs->place->name)};
	const char *only = logs->wanted.member;
	const json_t *pod;
	size_t i;
	logs->looked = clock_steady();
	if (!cluster_place_list(logs->place, &pods, mem, err))
		return false;
	json_array_foreach (pods.items, i, pod) {
		const char *name = json_text_at(pod, "metadata.name", "");
		struct source *source =
			only && !text_equal(only, name) ? NULL : add_source(logs, pod, NULL, "postgres");
		if (source)
			tell_leader(source, pod);
		if (source && !source->stream)
			begin(source);
	}
	json_decref(pods.items);
	return true;
}

/* ---- the operator ---- */

/* By the labels of its manifest, and of its chart. */
static bool find_operator_in(struct logs *logs, const char *namespaced, struct error *err)
{
	static const char *const labels[] = {
		"name%3Dpostgres-operator", "app.kubernetes.io%2Fname%3Dpostgres-operator"};
	bool found = false, ok = true;
	for (size_t i = 0; ok && i < COUNT_OF(labels); i++) {
		CLEANUP(json_done) json_t *list = NULL;
		const json_t *pod;
		size_t j;
		const char *path = arena_printf(
			logs->context->mem, "/api/v1%s/pods?labelSelector=%s", namespaced, labels[i]);
		ok = cluster_place_get(logs->place, path, false, &list, err);
		json_array_foreach (json_object_get(list, "items"), j, pod) {
			struct source *source = add_source(logs, pod, "operator", "postgres-operator");
			if (!source->stream)
				begin(source);
			found = true;
		}
	}
	return found || (ok && error_set(err, ERROR_MISSING, "no Pod has the labels of the postgres-operator"));
}

static bool find_operator(struct logs *logs, struct error *err)
{
	struct error here;
	const char *own = arena_printf(logs->context->mem, "/namespaces/%s", logs->place->namespace);
	if (find_operator_in(logs, "", err) ||
		(err->kind == ERROR_DENIED && find_operator_in(logs, own, &here)))
		return true;
	return cluster_place_refused("list", "pods", NULL, err);
}

/* Its Pod may be another one by now. */
static void follow_operator(struct logs *logs)
{
	struct error ignored;
	bool known = false, open = false;
	for (size_t i = 0; i < logs->count; i++) {
		known |= logs->sources[i]->operator;
		open |= logs->sources[i]->operator&& logs->sources[i]->stream;
	}
	if (known && !open)
		(void)!find_operator(logs, &ignored);
}

/* ---- until all have ended, or for ever ---- */

/* False = it cannot go on. */
static bool take_end(struct logs *logs, struct source *source, const struct error *why, struct error *err)
{
	stream_close(source->stream);
	source->stream = NULL;
	if (why->kind == ERROR_DENIED && !source->operator) {
		*err = *why;
		return cluster_place_refused("get", "pods/log", source->namespace, err);
	}
	if (why->kind == ERROR_NONE && !source->follows)
		return true;
	if (!logs->wanted.follow || why->kind == ERROR_DENIED)
		say(stderr, "pgitops: the log of %s: %s\n", source->name, why->text);
	else if (!source->told_end)
		say(stderr, "pgitops: the log of %s%s%s; it goes on when the Pod does\n", source->name,
			why->kind == ERROR_NONE ? " has ended" : ": ",
			why->kind == ERROR_NONE ? "" : why->text);
	source->told_end = true;
	logs->failed |= why->kind != ERROR_NONE;
	return true;
}

static bool tell(struct logs *logs, int64_t hold)
{
	if (!logs->trimmed && logs->wanted.tail >= 0)
		for (size_t i = 0; i < logs->count; i++)
			if (logs->sources[i]->operator)
				log_lines_trim(logs->lines, i, (size_t)logs->wanted.tail);
	log_lines_tell(logs->lines, clock_steady(), hold, tell_line, logs);
	return fflush(stdout) == 0 && !ferror(stdout);
}

static size_t open_streams(const struct logs *logs)
{
	size_t open = 0;
	for (size_t i = 0; i < logs->count; i++)
		open += logs->sources[i]->stream != NULL;
	return open;
}

static bool step(struct logs *logs, struct error *err)
{
	struct error why;
	streams_work(logs->streams, STEP_MILLISECONDS);
	for (size_t i = 0; i < logs->count; i++)
		if (logs->sources[i]->stream && stream_ended(logs->sources[i]->stream, &why) &&
			!take_end(logs, logs->sources[i], &why, err))
			return false;
	if (log_lines_bytes(logs->lines) > LIMIT_ANSWER_BYTES)
		return error_set(err, ERROR_INVALID,
			"the logs are over %ld MiB: --tail or --since asks for less", LIMIT_ANSWER_BYTES >> 20);
	return true;
}

/* What there is, in the order of all of it; then each is followed from where its own ended. One that is not through by then comes as it comes. */
static bool read_first(struct logs *logs, struct error *err)
{
	int64_t end = clock_steady() + FIRST_MILLISECONDS;
	while (open_streams(logs) && clock_steady() < end &&
		log_lines_bytes(logs->lines) < LIMIT_ANSWER_BYTES / 2)
		if (!step(logs, err))
			return false;
	err->kind = ERROR_NONE;
	if (!tell(logs, 0))
		return false;
	logs->first = false;
	logs->trimmed = !open_streams(logs);
	for (size_t i = 0; i < logs->count; i++)
		if (!logs->sources[i]->stream)
			begin(logs->sources[i]);
	return true;
}

/* False with kind ERROR_NONE: nobody reads it any more. */
static bool follow(struct logs *logs, struct error *err)
{
	if (!read_first(logs, err))
		return false;
	for (;;) {
		err->kind = ERROR_NONE;
		if (!step(logs, err) || !tell(logs, HOLD_MILLISECONDS))
			return false;
		if (clock_steady() - logs->looked < LOOK_MILLISECONDS)
			continue;
		logs->trimmed = true;
		if (!find_members(logs, err) && err->kind == ERROR_DENIED)
			return false;
		follow_operator(logs);
	}
}

static bool read_all(struct logs *logs, struct error *err)
{
	while (open_streams(logs))
		if (!step(logs, err))
			return false;
	tell(logs, 0);
	return true;
}

static int run(struct logs *logs)
{
	struct error err = {.kind = ERROR_NONE}, why;
	logs->first = logs->wanted.follow;
	bool ok = find_members(logs, &err);
	if (ok && !logs->count)
		ok = error_set(&err, ERROR_MISSING,
			"there is no %s%s of %s: `pgitops cluster list` shows which there are",
			logs->wanted.member ? "member " : "Pod",
			logs->wanted.member ? logs->wanted.member : "", logs->mark);
	if (ok && !logs->wanted.no_operator && !logs->wanted.member && !find_operator(logs, &why))
		say(stderr, "pgitops: the operator's lines are left out: %s\n", why.text);
	ok = ok && (logs->wanted.follow ? follow(logs, &err) : read_all(logs, &err));
	if (!ok && err.kind != ERROR_NONE)
		return command_failed(&err);
	if (logs->items) {
		CLEANUP(json_done) json_t *document = json_pack("{s:O}", "items", logs->items);
		output_document(&logs->context->output, document);
	}
	return logs->failed ? EXIT_NO_ANSWER : EXIT_YES;
}

static bool read_wanted(const struct command_context *context, struct wanted *wanted)
{
	char *end = NULL;
	wanted->tail = wanted->since_text || text_equal(wanted->tail_text, "all") ? -1 : TAIL;
	if (wanted->since_text && !command_since(context, wanted->since_text, &wanted->since))
		return false;
	if (!wanted->tail_text || text_equal(wanted->tail_text, "all"))
		return true;
	wanted->tail = strtol(wanted->tail_text, &end, 10);
	if (end != wanted->tail_text && !*end && wanted->tail >= 0)
		return true;
	command_misused(context, "--tail %s is no number of lines, and not `all`", wanted->tail_text);
	return false;
}

static int open_and_run(struct command_context *context, struct cluster_place *place, struct logs *logs)
{
	struct error err;
	if (!cluster_place_open(context, place, false, &err) ||
		!cluster_place_of_kubernetes(place, "its logs are where its servers are", &err))
		return command_failed(&err);
	logs->streams = streams_open(&place->server->config);
	logs->lines = log_lines_new();
	logs->mark = cluster_place_title(place, context->mem);
	if (command_is_document(context) && !logs->wanted.follow)
		logs->items = json_array();
	int code = run(logs);
	for (size_t i = 0; i < logs->count; i++)
		stream_close(logs->sources[i]->stream);
	streams_close(logs->streams);
	log_lines_free(logs->lines);
	json_decref(logs->items);
	return code;
}

int command_cluster_logs(struct command_context *context, int argc, char **argv)
{
	struct cluster_place place = {0};
	struct logs logs = {.context = context, .place = &place};
	struct wanted *wanted = &logs.wanted;
	const struct command_option options[] = {{"--follow", &wanted->follow, NULL},
		{"-f", &wanted->follow, NULL}, {"--since", NULL, &wanted->since_text},
		{"--tail", NULL, &wanted->tail_text}, {"--member", NULL, &wanted->member},
		{"--no-operator", &wanted->no_operator, NULL}};
	int code = EXIT_NO_ANSWER;
	if (cluster_place_arguments(context, &place, &argc, argv, options, COUNT_OF(options), 1) &&
		read_wanted(context, wanted))
		code = open_and_run(context, &place, &logs);
	cluster_place_done(&place);
	return code;
}
