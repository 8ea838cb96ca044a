/* drill_figures.c - figures of a drill from what its writers noted; pure */
#include "reconcile/patroni/drill_internal.h"

static bool is_acknowledged(const struct drill_note *note)
{
	return note->end == DRILL_ACKNOWLEDGED;
}

static void count(const struct drill_note *note, struct drill_figures *figures)
{
	figures->acknowledged += is_acknowledged(note);
	figures->refused += note->end == DRILL_REFUSED;
	figures->readonly += note->readonly;
	figures->unknown += note->end == DRILL_UNKNOWN;
	figures->unknown_there += note->end == DRILL_UNKNOWN && note->there;
}

static void add_lost(const struct drill_note *note, const struct drill_member *members, struct arena *mem,
	struct drill_figures *figures)
{
	figures->lost = arena_grow(mem, figures->lost, figures->lost_count, sizeof(*figures->lost));
	figures->lost[figures->lost_count++] = (struct drill_lost){.writer = note->writer,
		.number = note->number,
		.server = members[note->server].name,
		.time = note->time};
}

/* From the first acknowledgement of one that came later to the last of the one before it. */
static int64_t overlap(const struct drill_note *notes, size_t count)
{
	const struct drill_note *first = NULL, *second = NULL;
	int64_t last = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_acknowledged(&notes[i]))
			continue;
		first = first ? first : &notes[i];
		if (!second && notes[i].server != first->server)
			second = &notes[i];
		if (notes[i].server == first->server)
			last = notes[i].time;
	}
	return second && last > second->time ? last - second->time : 0;
}

void drill_figure(const struct drill_note *notes, size_t count_of, const struct drill_member *members,
	struct arena *mem, struct drill_figures *figures)
{
	int64_t before = 0;
	*figures = (struct drill_figures){0};
	for (size_t i = 0; i < count_of; i++) {
		const struct drill_note *note = &notes[i];
		count(note, figures);
		if (!is_acknowledged(note))
			continue;
		if (!note->there) {
			add_lost(note, members, mem, figures);
			continue;
		}
		if (before && note->time - before > figures->without_writes)
			figures->without_writes = note->time - before;
		before = note->time;
	}
	figures->two_primaries = overlap(notes, count_of);
}
