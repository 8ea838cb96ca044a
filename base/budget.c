#include "base/budget.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
	OBJECT_COST = 8192,
	TEXT_COST = 4,
	BUDGET_REST = 32 * 1024 * 1024, /* the program, its requests, the Git child */
	GIT_SHARE = 8,
	GIT_LEAST = 4 * 1024 * 1024 /* a manifest file of the largest size is always taken */
};

static size_t group;

/* The number in a file; SIZE_MAX = none ("max"), or no such file. */
static size_t read_number(const char *folder, const char *name)
{
	char path[4096], text[32] = "", *end;
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return SIZE_MAX;
	FILE *file = fopen(path, "re");
	if (!file)
		return SIZE_MAX;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	unsigned long long value = strtoull(text, &end, 10);
	return end == text ? SIZE_MAX : (size_t)value;
}

/* Of the group and all above it. In a container without a namespace of its own the path is the host's and leads nowhere: then the
   root is the group. */
static size_t narrowest(const char *root, const char *path, const char *name)
{
	char folder[4096];
	size_t least = read_number(root, name);
	int length = snprintf(folder, sizeof(folder), "%s%s", root, path);
	if (length >= (int)sizeof(folder))
		return least;
	for (char *slash; strlen(folder) > strlen(root) && (slash = strrchr(folder, '/')); *slash = '\0') {
		size_t here = read_number(folder, name);
		least = here < least ? here : least;
	}
	return least;
}

static bool has_memory(const char *controllers)
{
	const char *found = strstr(controllers, "memory");
	return found && (found == controllers || found[-1] == ',') && strchr(",", found[strlen("memory")]);
}

size_t budget_of(const char *root, const char *self)
{
	char line[4096], first[4096];
	size_t least = SIZE_MAX;
	FILE *file = fopen(self, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':'),
		     *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		bool unified = !controllers[1];
		if (!unified && !has_memory(controllers + 1))
			continue;
		if (snprintf(first, sizeof(first), "%s%s", root, unified ? "" : "/memory") >= (int)sizeof(first))
			continue;
		size_t here = narrowest(first, path, unified ? "memory.max" : "memory.limit_in_bytes");
		least = here < least ? here : least;
	}
	if (file)
		fclose(file);
	return least;
}

void budget_read(void)
{
	size_t found = budget_of("/sys/fs/cgroup", "/proc/self/cgroup");
	group = found > SIZE_MAX / 4 ? 0 : found; /* version 1 says "none" with a number of the kernel's own */
}

size_t budget_group(void)
{
	return group;
}

size_t budget_cost(size_t objects, size_t bytes)
{
	return objects * OBJECT_COST + bytes * TEXT_COST;
}

size_t budget_wanted(void)
{
	if (!group)
		return SIZE_MAX;
	return group > 2 * (size_t)BUDGET_REST ? group - BUDGET_REST : group / 2;
}

bool budget_fits(size_t objects, size_t bytes)
{
	return budget_cost(objects, bytes) <= budget_wanted();
}

size_t budget_git_object(void)
{
	size_t share = group / GIT_SHARE;
	if (!group || share > (size_t)LIMIT_GIT_OBJECT)
		return (size_t)LIMIT_GIT_OBJECT;
	return share > GIT_LEAST ? share : GIT_LEAST;
}

size_t budget_git_memory(void)
{
	return group / 8 * 5;
}
