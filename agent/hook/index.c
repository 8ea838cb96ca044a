/* How the files of an entry stand in the index and in the work tree. */
#include <stdio.h>
#include <string.h>

#include "agent/hook/seal.h"
#include "base/file.h"
#include "base/limits.h"

/* By one question for all three: "H 100644 ID 0\tPATH" for what is in the index, "C ..." once more for what differs or is deleted. */
bool seal_states(const struct layout_users *files, struct seal_states *states, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(1024 * 1024);
	struct seal_states found = {SEAL_UNTRACKED, SEAL_UNTRACKED, SEAL_UNTRACKED};
	if (!git_ask(&out, err, "--literal-pathspecs", "ls-files", "-z", "-t", "-c", "-m", "-s", "--",
		    files->edit, files->users, files->sealed, NULL))
		return false;
	for (size_t at = 0; at < out.length; at += strlen(out.data + at) + 1) {
		const char *line = out.data + at, *path = strchr(line, '\t');
		enum seal_state *state = !path                 ? NULL
			: strcmp(path + 1, files->edit) == 0   ? &found.edit
			: strcmp(path + 1, files->users) == 0  ? &found.users
			: strcmp(path + 1, files->sealed) == 0 ? &found.sealed
							       : NULL;
		if (state)
			*state = *line == 'C' || *state == SEAL_MODIFIED ? SEAL_MODIFIED : SEAL_STAGED;
	}
	*states = found;
	return true;
}

bool seal_staged(const struct layout_users *files, const struct seal_states *states, struct git_side *side,
	struct arena *mem, struct error *err)
{
	const char *asked[2];
	struct buf *texts[2];
	bool there[2];
	size_t count = 0;
	if (states->users != SEAL_UNTRACKED) {
		asked[count] = arena_printf(mem, ":%s", files->users);
		texts[count++] = &side->users;
	}
	if (states->sealed != SEAL_UNTRACKED) {
		asked[count] = arena_printf(mem, ":%s", files->sealed);
		texts[count++] = &side->sealed;
	}
	if (count && !git_blobs(asked, count, texts, there, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!there[i])
			return error_set(err, ERROR_CONFLICT,
				"%s is in a merge that has not ended: `pgitops seal users --resolve` brings both sides together",
				asked[i] + 1);
	return true;
}

bool seal_is_ours(const struct seal_place *place, const char *path, enum seal_state state)
{
	CLEANUP(buf_done) struct buf here = BUF(LIMIT_PATH_BYTES);
	struct error ignored;
	return state == SEAL_STAGED || !file_read(path, &here, &ignored) || !here.length ||
		(place->receipts &&
			receipts_file_match(place->receipts, seal_file_name(place->checkout, path, place->mem),
				buf_string(&here), here.length));
}
