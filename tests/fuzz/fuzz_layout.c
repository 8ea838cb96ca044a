/*
 * fuzz_layout.c - .pgitops.yaml as a repository may bring it
 *
 * Whoever may push writes it, and the commands that seal read and write the files it names: none of them is outside the repository.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/hook/layout.h"
#include "base/text.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_inside(const char *path)
{
	if (!path)
		return;
	require(*path && *path != '/' && !strpbrk(path, "\r\n"));
	require(!text_equal(path, "..") && !text_starts(path, "../") && !strstr(path, "/../") &&
		!text_ends(path, "/.."));
	require(!text_starts(path, ".git/") && !text_equal(path, ".git"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new((size_t)64 << 20);
	struct mistakes mistakes = {.mem = mem};
	struct layout layout = {0};
	if (layout_parse((const char *)data, size, mem, &layout, &mistakes)) {
		require_inside(layout.certificate);
		for (size_t i = 0; i < layout.count; i++) {
			require(layout.users[i].edit && layout.users[i].users && layout.users[i].sealed);
			require_inside(layout.users[i].edit);
			require_inside(layout.users[i].users);
			require_inside(layout.users[i].sealed);
			require_inside(layout.users[i].certificate);
		}
		for (size_t i = 0; i < layout.allowed_count; i++)
			require(layout.allowed[i].path && layout.allowed[i].fingerprint);
	} else {
		require(mistakes.count);
	}
	arena_free(mem);
	return 0;
}
