/*
 * drill_internal.h - what the writers note, and what is made of it
 */
#pragma once

#include "reconcile/patroni/drill.h"

enum drill_end { DRILL_ACKNOWLEDGED, DRILL_REFUSED, DRILL_UNKNOWN };

struct drill_note {
	enum drill_end end;
	size_t writer, number;
	size_t server; /* of the members */
	int64_t time;  /* of its end */
	bool readonly, there;
};

/* From notes by time, of which each says whether its row is there. */
void drill_figure(const struct drill_note *notes, size_t count, const struct drill_member *members,
	struct arena *mem, struct drill_figures *figures);
