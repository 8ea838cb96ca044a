#include "reconcile/kubernetes/tracking.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

void tracking_application(const char *tracking_id, char application[TRACKING_APPLICATION_SIZE])
{
	size_t length = strcspn(tracking_id, ":");
	snprintf(application, TRACKING_APPLICATION_SIZE, "%.*s",
		tracking_id[length] && length < TRACKING_APPLICATION_SIZE ? (int)length : 0, tracking_id);
}

/* What follows `part` at the start of `text`, NULL when it does not start with it. */
static const char *after(const char *text, const char *part)
{
	return text && text_starts(text, part) ? text + strlen(part) : NULL;
}

bool tracking_names(
	const char *tracking_id, const struct object_key *key, const char *application, const char *namespace)
{
	const char *at = after(after(tracking_id, application), ":");
	at = after(after(at, key->group), "/");
	at = after(after(at, key->kind), ":");
	at = after(after(at, *key->namespace ? key->namespace : namespace), "/");
	return at && strcmp(at, key->name) == 0;
}
