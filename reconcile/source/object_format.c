#include "reconcile/source/object_format.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

enum { SHA256_HEX = 64 };

bool object_format_is_sha256(const char *line, size_t length)
{
	size_t name = strnlen(line, length);
	if (strspn(line, "0123456789abcdef") == SHA256_HEX && line[SHA256_HEX] == ' ')
		return true;
	return name < length && strstr(line + name + 1, "object-format=sha256") != NULL;
}

/* As git writes it: "objectformat = sha256" under [extensions], in upper or lower case. */
static bool config_is_sha256(const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	struct error ignored;
	if (!file_read(path, &text, &ignored))
		return false;
	const char *at = strcasestr(buf_string(&text), "objectformat");
	at = at ? at + strlen("objectformat") : "";
	at += strspn(at, " \t=\"");
	return strncasecmp(at, "sha256", strlen("sha256")) == 0;
}

bool object_format_of_folder_is_sha256(const char *path)
{
	CLEANUP(memory_freep) char *bare = memory_printf("%s/config", path);
	CLEANUP(memory_freep) char *checkout = memory_printf("%s/.git/config", path);
	return config_is_sha256(bare) || config_is_sha256(checkout);
}

bool object_format_refused(struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"the repository has SHA-256 object ids (git init --object-format=sha256), which pgitops does not read: it "
		"has to be one with SHA-1");
}
