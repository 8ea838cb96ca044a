/*
 * takeover.h - one Application that this agent has never synced, as the doctor looks at it (internal to the room)
 */
#pragma once

#include "agent/doctor/doctor.h"
#include "agent/sync/takeover.h"

/* Who has synced it so far. */
enum hands {
	HANDS_NOBODY,
	HANDS_OTHERS, /* Argo CD, by the word of its status */
	HANDS_OURS
};

struct takeover {
	struct doctor *doctor;
	const struct doctor_application *application;
	enum hands hands;
	const char *manager; /* field manager that wrote the status last, "" = not known */
};

/* Whether it still works on it, by what the Application shows. */
void takeover_say_activity(const struct takeover *takeover);

/* What the first syncs would do to each object. */
void takeover_say_objects(const struct takeover *takeover, const struct pass *pass);
