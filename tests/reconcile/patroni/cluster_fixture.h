/* A cluster that a test makes up: default/acid, in a set of its own. */
#pragma once

#include "reconcile/patroni/internal.h"

struct fixture {
	struct patroni_set set;
	struct patroni_cluster *cluster; /* without members, until the test's own begin() has given it some */
	json_t *kept;                    /* documents that the set points into and does not own */
};

static inline struct fixture *begin_cluster(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.set = {.mem = arena_new(1 << 20)}, .kept = json_array()};
	fixture.cluster = patroni_cluster_of(&fixture.set, "default", "acid");
	*state = &fixture;
	return &fixture;
}

static inline int end(void **state)
{
	struct fixture *fixture = *state;
	patroni_done(&fixture->set);
	arena_free(fixture->set.mem);
	json_decref(fixture->kept);
	return 0;
}
