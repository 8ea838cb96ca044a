#include "agent/config/manager.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { RANDOM_BYTES = 4, HOST_BYTES = 64 };

/* People should see where the agent runs that has their roles. */
static bool make_name(char name[MANAGER_SIZE], struct error *err)
{
	unsigned char bytes[RANDOM_BYTES];
	char host[HOST_BYTES + 1] = "", hex[2 * RANDOM_BYTES + 1];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_set(err, ERROR_RETRY, "no random bytes for the name of this agent");
	if (gethostname(host, HOST_BYTES) != 0 || !*host || !text_is_dns_subdomain(host))
		snprintf(host, sizeof(host), "pgitops");
	text_hex(bytes, sizeof(bytes), hex);
	snprintf(name, MANAGER_SIZE, "%s-%s", host, hex);
	return true;
}

static bool read_name(const char *path, char name[MANAGER_SIZE], struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(MANAGER_SIZE);
	if (!file_read(path, &text, err))
		return false;
	const char *line = buf_string(&text);
	size_t length = strcspn(line, "\n");
	if (!length || length >= MANAGER_SIZE || !text_is_utf8(line, length))
		return error_set(err, ERROR_INVALID,
			"%s must hold the name of this agent in one line; write there what the databases have "
			"(pgitops.managed_role, column manager), or remove the file and a new one is made",
			path);
	memcpy(name, line, length);
	name[length] = '\0';
	return true;
}

bool manager_read(const char *state, const char *installation, struct manager *manager, struct error *err)
{
	CLEANUP(memory_freep) char *path = memory_printf("%s/manager", state);
	struct manager found = {.name = ""};
	struct error missing = {0};
	bool there = read_name(path, found.name, &missing);
	if (!there && missing.kind != ERROR_MISSING) {
		*err = missing;
		return false;
	}
	if (installation) {
		if (there && strcmp(found.name, installation) != 0)
			memcpy(found.former, found.name, sizeof(found.former));
		snprintf(found.name, sizeof(found.name), "%s", installation);
	} else if (!there) {
		if (!make_name(found.name, err))
			return false;
		CLEANUP(memory_freep) char *line = memory_printf("%s\n", found.name);
		if (!file_replace(path, line, strlen(line), 0644, err))
			return false;
	}
	*manager = found;
	return true;
}
