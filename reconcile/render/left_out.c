#include "reconcile/render/left_out.h"

enum { NAMED = 3 };

void left_out_add(struct left_out *left_out, const char *name, const char *why)
{
	if (left_out->count++ < NAMED)
		left_out->named = arena_join(left_out->mem, left_out->named, ", ",
			arena_printf(left_out->mem, "%.200s (%s)", name, why));
}

const char *left_out_text(const struct left_out *left_out)
{
	if (left_out->count <= NAMED)
		return left_out->named ? left_out->named : "";
	return arena_printf(left_out->mem, "%s and %zu more", left_out->named, left_out->count - NAMED);
}
