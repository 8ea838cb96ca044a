#include "agent/config/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/manifest.h"

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_manifest(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && manifest_is_named(entry->d_name);
}

/* Over all before it and this file: a digest has no length that many files could go beyond. */
static void add_file(char state[DIGEST_HEX_SIZE], const char *file, const struct stat *status)
{
	CLEANUP(memory_freep)
	char *all = memory_printf("%s%s %lld.%09ld %lld %o\n", state, file, (long long)status->st_mtim.tv_sec,
		status->st_mtim.tv_nsec, (long long)status->st_size, (unsigned)status->st_mode);
	digest_sha256_hex(all, strlen(all), state);
}

char *folder_state(const char *folder,
	void (*visit)(void *context, const char *file, const struct stat *status), void *context)
{
	char state[DIGEST_HEX_SIZE] = "";
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_manifest, compare_names);

	for (int i = 0; i < count; i++) {
		CLEANUP(memory_freep) char *file = memory_printf("%s/%s", folder, names[i]->d_name);
		struct stat status;
		free(names[i]);
		if (stat(file, &status) != 0)
			continue;
		add_file(state, file, &status);
		if (visit)
			visit(context, file, &status);
	}
	free(names);
	return memory_copy(state);
}

static bool read_file(const struct folder_reader *reader, const char *path, struct error *err)
{
	struct stat status;
	struct desired found = {.mistakes = {.mem = reader->mem}, .warnings = {.mem = reader->mem}};
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_CONFIG_BYTES);
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return true;
	if (!file_read(path, &bytes, err))
		return false;
	manifest_read(path, buf_string(&bytes), bytes.length, reader->mem, &found);
	for (size_t i = 0; reader->mistakes && i < found.mistakes.count; i++)
		mistakes_add(reader->mistakes, path, found.mistakes.items[i].line,
			found.mistakes.items[i].column, "%s", found.mistakes.items[i].text);
	if (reader->mistakes)
		reader->mistakes->dropped += found.mistakes.dropped;
	for (size_t i = 0; i < found.objects.count; i++)
		reader->take(reader->context, &found.objects.items[i]);
	return true;
}

bool folder_read(const char *folder, const struct folder_reader *reader, struct error *err)
{
	struct dirent **entries;
	bool ok = true;
	int count = scandir(folder, &entries, is_manifest, compare_names);
	if (count < 0)
		return error_set(err, errno == ENOENT ? ERROR_MISSING : ERROR_RETRY,
			"cannot read the folder of Applications %s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *path = arena_printf(reader->mem, "%s/%s", folder, entries[i]->d_name);
		ok = ok && read_file(reader, path, err);
		free(entries[i]);
	}
	free(entries);
	return ok;
}
