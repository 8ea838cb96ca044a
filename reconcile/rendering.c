#include "reconcile/rendering.h"

#include "base/text.h"

struct rendering rendering_copy(const struct rendering *rendering, struct arena *mem)
{
	struct rendering copy = *rendering;
	copy.options = arena_copy(mem, rendering->options);
	copy.namespace = arena_copy(mem, rendering->namespace);
	return copy;
}

bool rendering_same(const struct rendering *a, const struct rendering *b)
{
	return a->asked == b->asked && a->plain == b->plain && text_equal(a->options, b->options) &&
		text_equal(a->namespace, b->namespace);
}
