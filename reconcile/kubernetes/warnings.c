#include "reconcile/kubernetes/warnings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/kube_list.h"

enum {
	PAGES = 4, /* of LIMIT_LIST_PAGE: one Event for each object and reason, so that is a namespace in much trouble */
	SHOWN = 2,
	MESSAGE_BYTES = 300,
	PAGE_PATH_BYTES = 8192,
	SECONDS = 2 /* nobody is held up for a text */
};

/* ---- reading ---- */

/* Older and newer clients fill different fields (core/v1 and events.k8s.io/v1). The server's own time is among them, in case the
   writer's clock is behind. */
static int64_t time_of(const json_t *event)
{
	static const char *const fields[] = {
		"lastTimestamp", "series.lastObservedTime", "eventTime", "metadata.creationTimestamp"};
	int64_t newest = 0, when;
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (clock_parse(json_text_at(event, fields[i], ""), &when) && when > newest)
			newest = when;
	return newest;
}

/* The end of a value: its closing quote, which is neither doubled nor escaped, or a blank. */
static const char *value_end(const char *value, char quote)
{
	if (!quote)
		return value + strcspn(value, " \t\n,;\"'");
	for (; *value && (*value != quote || value[1] == quote); value++)
		if ((*value == quote || *value == '\\') && value[1])
			value++;
	return value;
}

/* After the word `password`: where the secret begins, and which quote ends it; NULL when the word is only mentioned. */
static const char *value_after(const char *at, char *quote)
{
	at += (*at == '"' || *at == '\'') && at[1] == ':'; /* of a JSON key */
	at += strspn(at, " ");
	bool assigned = *at == '=' || *at == ':';
	at += assigned;
	at += strspn(at, " ");
	*quote = *at == '\'' || *at == '"' ? *at : '\0';
	return *quote ? at + 1 : assigned && *at ? at : NULL;
}

/* The user and password of a URL. */
static const char *userinfo_end(const char *authority)
{
	size_t length = strcspn(authority, "/ \t\n\"'");
	for (size_t i = length; i-- > 0;)
		if (authority[i] == '@')
			return authority + i;
	return NULL;
}

/* Errors of databases and servers that an operator passes on may quote a statement or an address with a password in it. */
static void append_without_secrets(struct buf *out, const char *text)
{
	static const char word[] = "password", scheme[] = "://", hidden[] = "<hidden>";
	for (const char *at = text; *at;) {
		const char *from = NULL, *to = NULL;
		char quote;
		if (strncasecmp(at, word, strlen(word)) == 0) {
			from = value_after(at + strlen(word), &quote);
			to = from ? value_end(from, quote) : NULL;
		} else if (text_starts(at, scheme)) {
			to = userinfo_end(at + strlen(scheme));
			from = to ? at + strlen(scheme) : NULL;
		}
		if (from) {
			buf_append(out, at, (size_t)(from - at));
			buf_text(out, hidden);
		}
		at = from ? to : at + 1;
		if (!from)
			buf_append(out, at - 1, 1);
	}
}

static const char *message_of(const json_t *event, struct arena *mem)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
	append_without_secrets(&text, json_text_at(event, "message", ""));
	char *message = arena_copy_n(mem, buf_string(&text), text_fit(buf_string(&text), MESSAGE_BYTES));
	text_make_printable(message);
	return message;
}

static const char *word_at(const json_t *event, const char *path, struct arena *mem)
{
	return arena_printf(mem, "%.253s", json_text_at(event, path, ""));
}

static struct warning warning_of(const json_t *event, struct arena *mem)
{
	const char *api_version = json_text_at(event, "involvedObject.apiVersion", "");
	const char *slash = strchr(api_version, '/');
	char *reason = arena_printf(mem, "%.128s", json_text_at(event, "reason", "Warning"));
	text_make_printable(reason);
	return (struct warning){
		.about = {slash ? arena_copy_n(mem, api_version, (size_t)(slash - api_version)) : "",
			word_at(event, "involvedObject.kind", mem),
			word_at(event, "involvedObject.namespace", mem),
			word_at(event, "involvedObject.name", mem)},
		.uid = word_at(event, "involvedObject.uid", mem),
		.reason = reason,
		.message = message_of(event, mem),
		.last = time_of(event),
	};
}

/* The newest first; the rest so that the same Events always give the same text. */
static int compare_warnings(const void *a, const void *b)
{
	const struct warning *left = a, *right = b;
	if (left->last != right->last)
		return left->last < right->last ? 1 : -1;
	int order = strcmp(left->reason, right->reason);
	return order ? order : object_key_compare(&left->about, &right->about);
}

void warnings_add(struct warnings *warnings, const json_t *page, struct arena *mem)
{
	size_t i;
	const json_t *event;
	json_array_foreach (json_object_get(page, "items"), i, event) {
		warnings->items = arena_grow(mem, warnings->items, warnings->count, sizeof(*warnings->items));
		warnings->items[warnings->count++] = warning_of(event, mem);
	}
	if (warnings->count)
		qsort(warnings->items, warnings->count, sizeof(*warnings->items), compare_warnings);
}

bool cluster_warnings(struct cluster *cluster, const char *namespace, struct arena *mem,
	struct warnings *warnings, struct error *err)
{
	CLEANUP(memory_freep) char *next = NULL;
	CLEANUP(memory_freep)
	char *path = memory_printf("/api/v1/namespaces/%s/events?fieldSelector=type%%3DWarning",
		*namespace ? namespace : "default");

	for (int page = 0; page < PAGES && (!page || *next); page++) {
		CLEANUP(buf_done) struct buf url = BUF(PAGE_PATH_BYTES);
		CLEANUP(json_done) json_t *answer = NULL;
		kube_list_page_path(&url, path, LIMIT_LIST_PAGE, next);
		struct kube_request request = {.method = "GET", .path = buf_string(&url), .seconds = SECONDS};
		if (!cluster_reachable(cluster, err) || !kube_one(cluster->kube, &request, &answer, err))
			return false;
		warnings_add(warnings, answer, mem);
		memory_freep(&next);
		next = memory_copy(json_text_at(answer, "metadata.continue", ""));
	}
	return true;
}

/* ---- telling ---- */

/*
 * What is made for an object: '%' its name, '#' what Kubernetes appends to make a name (its alphabet has no vowels and no digits
 * that look like letters, so "web-api" is not taken for something of "web"), '0' a number.
 */
static const struct {
	const char *group, *kind, *child, *name;
} children[] = {
	{"apps", "Deployment", "ReplicaSet", "%-#"},
	{"apps", "Deployment", "Pod", "%-#-#"},
	{"apps", "ReplicaSet", "Pod", "%-#"},
	{"apps", "StatefulSet", "Pod", "%-0"},
	{"apps", "DaemonSet", "Pod", "%-#"},
	{"batch", "Job", "Pod", "%-#"},
	{"batch", "CronJob", "Job", "%-0"},
	{"batch", "CronJob", "Pod", "%-0-#"},
	{"acid.zalan.do", "postgresql", "StatefulSet", "%"},
	{"acid.zalan.do", "postgresql", "Pod", "%-0"},
	{"acid.zalan.do", "postgresql", "PersistentVolumeClaim", "pgdata-%-0"},
	{"postgresql.cnpg.io", "Cluster", "Pod", "%-0"},
	{"postgresql.cnpg.io", "Cluster", "PersistentVolumeClaim", "%-0"},
};

static bool name_fits(const char *pattern, const char *parent, const char *name)
{
	for (; *pattern; pattern++) {
		size_t length = *pattern == *name;
		if (*pattern == '%')
			length = text_starts(name, parent) ? strlen(parent) : 0;
		else if (*pattern == '#')
			length = strspn(name, "bcdfghjklmnpqrstvwxz2456789");
		else if (*pattern == '0')
			length = strspn(name, "0123456789");
		if (!length)
			return false;
		name += length;
	}
	return !*name;
}

static bool is_child(const struct object_key *parent, const struct object_key *child)
{
	if (strcmp(parent->namespace, child->namespace) != 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(children); i++)
		if (strcmp(children[i].kind, parent->kind) == 0 &&
			strcmp(children[i].group, parent->group) == 0 &&
			strcmp(children[i].child, child->kind) == 0 &&
			name_fits(children[i].name, parent->name, child->name))
			return true;
	return false;
}

static const char *sentence(const struct warning *warning, bool child, struct arena *mem)
{
	const char *between = *warning->message ? ": " : "";
	if (child)
		return arena_printf(mem, "%s %s: %s%s%s", warning->about.kind, warning->about.name,
			warning->reason, between, warning->message);
	return arena_printf(mem, "%s%s%s", warning->reason, between, warning->message);
}

/* Its message is that of the object already, or its reason was told by a newer one. */
static bool is_told(const struct warning *warning, const struct live *live, const struct warning *const *told,
	size_t count)
{
	if (*warning->message && strstr(live->health.message, warning->message))
		return true;
	for (size_t i = 0; i < count; i++)
		if (strcmp(told[i]->reason, warning->reason) == 0)
			return true;
	return false;
}

const char *warnings_reason(const struct warnings *warnings, const struct live *live, struct arena *mem)
{
	const struct warning *told[SHOWN];
	const char *text = "";
	size_t count = 0;
	for (int child = 0; child <= 1; child++)
		for (size_t i = 0; i < warnings->count && count < SHOWN; i++) {
			const struct warning *warning = &warnings->items[i];
			bool about = child ? is_child(&live->key, &warning->about)
					   : strcmp(warning->uid, live->uid) == 0;
			if (!about || warning->last < live->written || is_told(warning, live, told, count))
				continue;
			text = arena_join(mem, text, "; ", sentence(warning, child, mem));
			told[count++] = warning;
		}
	return text;
}
