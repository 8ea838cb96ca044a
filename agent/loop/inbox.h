/*
 * inbox.h - Application objects on their way from the watch to the reconciler: the newest of each name
 *
 * However often an object changes while the reconciler is busy, one document of it waits, so the inbox is never larger than what the
 * cluster holds, and no change is lost. Any thread.
 */
#pragma once

#include "base/json.h"

struct inbox;

/* An object as the watch saw it last. */
struct application_event {
	json_t *document;
	bool gone;
};

struct inbox *inbox_new(void);
void inbox_free(struct inbox *inbox); /* accepts NULL */

/* `document` is copied. */
void inbox_put(struct inbox *inbox, const json_t *document, bool gone);

/* The next one by name; its document is the taker's. False when there is none. */
bool inbox_take(struct inbox *inbox, struct application_event *event);
