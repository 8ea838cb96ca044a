#include "agent/hook/certificate_choice.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "reconcile/sealed/certificate.h"

const char *certificate_choice(struct arena *mem, const char *taken, const char *fingerprint,
	const char *const *others, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(certificate_done) struct certificate other = {0};
		struct error err;
		bool read = certificate_read_file(others[i], &other, &err);
		if (read && strcmp(other.fingerprint, fingerprint) == 0)
			continue;
		return arena_printf(mem,
			"%s (%.16s) is sealed with, because it is the nearest; %s (%s) is another one, and passed over. Take one "
			"of them away, or name the right one: --cert, or `certificate` in " LAYOUT_FILE,
			taken, fingerprint, others[i],
			read ? arena_printf(mem, "%.16s", other.fingerprint) : "which cannot be read");
	}
	return NULL;
}

/* "a/b" of "a/b/c", "" of "a"; NULL of "", the root. */
static const char *above(struct arena *mem, const char *folder)
{
	const char *slash = strrchr(folder, '/');
	if (!*folder)
		return NULL;
	return slash ? arena_copy_n(mem, folder, (size_t)(slash - folder)) : "";
}

const char *certificate_choice_of(struct arena *mem, const struct layout_users *files, const char *fingerprint)
{
	const char *others[CERTIFICATE_CHOICES];
	size_t count = 0;
	if (!files->certificate_found)
		return NULL;
	const char *folder = above(mem, files->certificate);
	while (folder && count + 1 < COUNT_OF(others) && (folder = above(mem, folder))) {
		const char *path = arena_printf(mem, "%s%s" LAYOUT_CERTIFICATE, folder, *folder ? "/" : "");
		if (access(path, F_OK) == 0)
			others[count++] = path;
	}
	if (files->certificate_general && !text_equal(files->certificate_general, files->certificate))
		others[count++] = files->certificate_general;
	return certificate_choice(mem, files->certificate, fingerprint, others, count);
}
