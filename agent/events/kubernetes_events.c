#include "agent/events/kubernetes_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	REMEMBERED = 256,      /* Events that may get a higher count, and those that wait to be written */
	WRITES_IN_TURN = 8,    /* one more request in flight at once each */
	MESSAGE_BYTES = 1000,  /* the API server takes 1,024 */
	SAME_FOR = 600000000L, /* microseconds */
	MINUTE = 60000000L
};

struct event {
	char *object, *namespace, *uid, *destination, *user, *message;
	const char *kind, *api_version; /* NULL = an Application */
	const char *reason;
	bool warning;
	char name[300]; /* of the object */
	int64_t first, last;
	int64_t count;
	bool made;    /* it is in the cluster: a PATCH */
	bool waiting; /* to be written */
};

struct kubernetes_events {
	struct event *items[REMEMBERED]; /* oldest first */
	size_t count;
	char slot[64]; /* log_changed() */
};

static void event_free(struct event *event)
{
	free(event->object);
	free(event->namespace);
	free(event->uid);
	free(event->destination);
	free(event->user);
	free(event->message);
	free(event);
}

struct kubernetes_events *kubernetes_events_new(void)
{
	return memory_alloc(sizeof(struct kubernetes_events));
}

void kubernetes_events_free(struct kubernetes_events *events)
{
	for (size_t i = 0; events && i < events->count; i++)
		event_free(events->items[i]);
	free(events);
}

/* ---- noting ---- */

static void forget(struct kubernetes_events *events, size_t at)
{
	event_free(events->items[at]);
	events->count--;
	memmove(&events->items[at], &events->items[at + 1], (events->count - at) * sizeof(events->items[0]));
}

/* The oldest that is written makes room; false when all of them wait. */
static bool make_room(struct kubernetes_events *events)
{
	for (size_t i = 0; events->count == REMEMBERED && i < events->count; i++)
		if (!events->items[i]->waiting) {
			forget(events, i);
			break;
		}
	return events->count < REMEMBERED;
}

static struct event *find_same(struct kubernetes_events *events, const char *uid, const char *reason,
	const char *message, int64_t now)
{
	for (size_t i = events->count; i-- > 0;) {
		struct event *event = events->items[i];
		if (event->last > now - SAME_FOR && strcmp(event->uid, uid) == 0 &&
			strcmp(event->reason, reason) == 0 && strcmp(event->message, message) == 0)
			return event;
	}
	return NULL;
}

static size_t made_lately(const struct kubernetes_events *events, const char *uid, int64_t now)
{
	size_t count = 0;
	for (size_t i = 0; i < events->count; i++)
		count += events->items[i]->first > now - MINUTE && strcmp(events->items[i]->uid, uid) == 0;
	return count;
}

/* Printable and short enough for the API server. */
static char *message_of(const char *text)
{
	char *message = memory_printf("%.*s", (int)text_fit(text, MESSAGE_BYTES), text);
	text_make_printable(message);
	return message;
}

void kubernetes_events_tell(struct kubernetes_events *events, const struct event_subject *subject,
	const char *reason, bool warning, const char *user, const char *text)
{
	int64_t now = clock_now();
	if (!events || !*subject->uid)
		return;
	CLEANUP(memory_freep) char *message = message_of(text);
	struct event *event = find_same(events, subject->uid, reason, message, now);
	if (event) {
		event->count++;
		event->last = now;
		event->waiting = true;
		return;
	}
	if (made_lately(events, subject->uid, now) >= EVENTS_PER_MINUTE || !make_room(events)) {
		metric_add(METRIC_EVENTS_DROPPED, 1);
		return;
	}
	event = memory_alloc(sizeof(*event));
	*event = (struct event){
		.object = memory_copy(subject->name),
		.kind = subject->kind,
		.api_version = subject->api_version,
		.namespace = memory_copy(subject->namespace),
		.uid = memory_copy(subject->uid),
		.destination = memory_copy(subject->destination),
		.user = memory_copy(user),
		.message = memory_copy(message),
		.reason = reason,
		.warning = warning,
		.first = now,
		.last = now,
		.count = 1,
		.waiting = true,
	};
	events->items[events->count++] = event;
	/* Argo CD's form: the object and a time, which we keep apart where two come at once. */
	snprintf(event->name, sizeof(event->name), "%.230s.%" PRIx64, subject->name,
		(uint64_t)now * 1000 + events->count);
}

/* ---- writing ---- */

static json_t *time_value(int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(time, text);
	return json_string(text);
}

static json_t *annotations_of(const struct event *event)
{
	json_t *annotations = json_pack("{s:s}", "dest-server", "https://kubernetes.default.svc");
	json_set_text(annotations, "dest-namespace", event->destination);
	json_set_text(annotations, "user", event->user);
	return annotations;
}

static json_t *event_document(const struct event *event)
{
	const char *kind = event->kind ? event->kind : "Application";
	const char *version = event->api_version ? event->api_version : "argoproj.io/v1alpha1";
	return json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:{s:s}, s:I, s:o, s:o}",
		"apiVersion", "v1", "kind", "Event", "metadata", "name", event->name, "namespace",
		event->namespace, "involvedObject", "apiVersion", version, "kind", kind, "name",
		event->object, "namespace", event->namespace, "uid", event->uid, "reason", event->reason,
		"message", event->message, "type", event->warning ? "Warning" : "Normal", "source",
		"component", "pgitops", "count", (json_int_t)event->count, "firstTimestamp",
		time_value(event->first), "lastTimestamp", time_value(event->last));
}

static json_t *count_patch(const struct event *event)
{
	return json_pack(
		"{s:I, s:o}", "count", (json_int_t)event->count, "lastTimestamp", time_value(event->last));
}

/* A write on its way: what it holds is freed by settle(). */
struct writing {
	struct event *event;
	char *path, *body;
};

static struct kube_request request_of(struct writing *writing)
{
	const struct event *event = writing->event;
	CLEANUP(json_done) json_t *document = event->made ? count_patch(event) : event_document(event);
	if (!event->made && !event->kind)
		json_object_set_new(
			json_object_get(document, "metadata"), "annotations", annotations_of(event));
	writing->body = json_canonical(document);
	writing->path = memory_printf("/api/v1/namespaces/%s/events%s%s", event->namespace,
		event->made ? "/" : "", event->made ? event->name : "");
	return (struct kube_request){.method = event->made ? "PATCH" : "POST",
		.path = writing->path,
		.content_type = event->made ? "application/merge-patch+json" : "application/json",
		.body = writing->body,
		.body_length = strlen(writing->body)};
}

/* A refusal leaves it as it was, but for one that says otherwise: it has expired, or the answer that it was made got lost. */
static bool is_made(const struct event *event, enum error_kind kind)
{
	if (kind == ERROR_NONE || kind == ERROR_CONFLICT)
		return true;
	return event->made && kind != ERROR_MISSING;
}

/* Whatever came of it, it is not tried again: the next time that it is told is its next chance. */
static void settle(struct kubernetes_events *events, struct writing *writing, struct kube_request *request)
{
	struct event *event = writing->event;
	bool good = request->error.kind == ERROR_NONE;
	event->waiting = false;
	event->made = is_made(event, request->error.kind);
	if (good) {
		log_changed(events->slot, "");
	} else {
		metric_add(METRIC_EVENTS_DROPPED, 1);
		if (log_changed(events->slot, request->error.text))
			log_warning("Kubernetes Events are not written", "error", request->error.text, NULL);
	}
	json_decref(request->answer);
	free(writing->path);
	free(writing->body);
}

void kubernetes_events_flush(struct kubernetes_events *events, struct kube *kube)
{
	struct kube_request requests[WRITES_IN_TURN];
	struct writing writings[WRITES_IN_TURN];
	size_t count = 0;

	for (size_t i = 0; events && i < events->count && count < WRITES_IN_TURN; i++) {
		if (!events->items[i]->waiting)
			continue;
		writings[count] = (struct writing){.event = events->items[i]};
		requests[count] = request_of(&writings[count]);
		count++;
	}
	if (count)
		kube_run(kube, requests, count);
	for (size_t i = 0; i < count; i++)
		settle(events, &writings[i], &requests[i]);
}
