#include "reconcile/grants/closed.h"

#include <string.h>

const char *closed_why(const struct grants_present *present, const char *database)
{
	for (size_t i = 0; i < present->closed_count; i++)
		if (strcmp(present->closed[i].database, database) == 0)
			return present->closed[i].why;
	return NULL;
}

void closed_warn(const struct grants_present *present, struct arena *mem, struct grants_plan *plan)
{
	for (size_t i = 0; i < present->closed_count; i++)
		grants_warn(plan,
			arena_printf(mem, "what roles may do in database \"%s\" was not compared: %s",
				present->closed[i].database, present->closed[i].why),
			mem);
}

const char *grants_unread(const struct grants_present *present, const char **why)
{
	if (!present->closed_count)
		return NULL;
	*why = present->closed[0].why;
	return present->closed[0].database;
}
