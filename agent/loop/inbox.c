#include "agent/loop/inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct inbox {
	pthread_mutex_t lock;
	struct application_event *events; /* by name, backwards: the next to take is the last */
	size_t count, room;
};

static const char *name_of(const struct application_event *event)
{
	return json_text_at(event->document, "metadata.name", "");
}

struct inbox *inbox_new(void)
{
	struct inbox *inbox = memory_alloc(sizeof(*inbox));
	pthread_mutex_init(&inbox->lock, NULL);
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	if (!inbox)
		return;
	for (size_t i = 0; i < inbox->count; i++)
		json_decref(inbox->events[i].document);
	pthread_mutex_destroy(&inbox->lock);
	free(inbox->events);
	free(inbox);
}

/* Where the name stands, or belongs. */
static size_t place_of(const struct inbox *inbox, const char *name)
{
	size_t low = 0, high = inbox->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(name_of(&inbox->events[middle]), name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_room(struct inbox *inbox, size_t at)
{
	if (inbox->count == inbox->room) {
		inbox->room = inbox->room ? inbox->room * 2 : 16;
		inbox->events = memory_resize(inbox->events, inbox->room * sizeof(*inbox->events));
	}
	memmove(inbox->events + at + 1, inbox->events + at, (inbox->count - at) * sizeof(*inbox->events));
	inbox->count++;
}

void inbox_put(struct inbox *inbox, const json_t *document, bool gone)
{
	const struct application_event event = {json_deep_copy(document), gone};

	pthread_mutex_lock(&inbox->lock);
	size_t at = place_of(inbox, name_of(&event));
	if (at < inbox->count && strcmp(name_of(&inbox->events[at]), name_of(&event)) == 0)
		json_decref(inbox->events[at].document);
	else
		make_room(inbox, at);
	inbox->events[at] = event;
	pthread_mutex_unlock(&inbox->lock);
}

bool inbox_take(struct inbox *inbox, struct application_event *event)
{
	pthread_mutex_lock(&inbox->lock);
	bool any = inbox->count > 0;
	if (any)
		*event = inbox->events[--inbox->count];
	pthread_mutex_unlock(&inbox->lock);
	return any;
}
