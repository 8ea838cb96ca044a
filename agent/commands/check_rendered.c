#include "agent/commands/check_rendered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/render/folder.h"
#include "reconcile/render/output.h"
#include "reconcile/render/render.h"

/* A checkout, and where in it the path is. */
struct place {
	const char *root; /* absolute */
	const char *path; /* in it, "" = the root itself */
	const char *title;
};

static bool is_file(const char *folder, const char *name)
{
	struct stat status;
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s", folder, name);
	return lstat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool exists(const char *folder, const char *name)
{
	struct stat status;
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s", folder, name);
	return lstat(path, &status) == 0;
}

static const char *find(const char *folder)
{
	const char *found = NULL;
	for (size_t i = 0; render_files[i] && !found; i++)
		if (is_file(folder, render_files[i]))
			found = render_files[i];
	return found;
}

bool check_place(const char *real, struct arena *mem, const char **root, const char **inside)
{
	char *folder = arena_copy(mem, real), *slash;
	while (!exists(folder, ".git") && (slash = strrchr(folder, '/')) && slash != folder)
		*slash = '\0';
	if (!exists(folder, ".git"))
		return false;
	const char *rest = real + strlen(folder);
	*root = folder;
	*inside = *rest == '/' ? rest + 1 : rest;
	return true;
}

/* A base may lie beside the folder, so the whole repository is shown; outside of one the folder alone. */
static struct place place_of(const char *real, struct arena *mem)
{
	struct place place = {real, "", ""};
	return check_place(real, mem, &place.root, &place.path) ? place : (struct place){real, "", ""};
}

static bool read_output(const struct render_job *job, const char *title, struct arena *mem,
	struct desired *desired, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_RENDER_OUTPUT);
	if (!file_read(arena_printf(mem, "%s/output", job->folder), &text, err))
		return false;
	output_read(job->tool, title, buf_string(&text), text.length, mem, desired);
	return true;
}

static bool run(const struct render_job *job, const struct place *place, struct arena *mem,
	struct desired *desired, struct error *err)
{
	const char *left_out = "";
	if (!folder_copy(place->root, arena_printf(mem, "%s/tree", job->folder), mem, &left_out, err))
		return false;
	if (render_run(job, err))
		return read_output(job, place->title, mem, desired, err);
	if (err->kind != ERROR_INVALID)
		return false;
	desired->files++;
	desired->rendered = job->tool;
	mistakes_add(&desired->mistakes, place->title, 0, 0, "%s%s%s", err->text,
		*left_out ? "; not shown to it: " : "", left_out);
	return true;
}

static const char *name_of(const char *real)
{
	const char *slash = strrchr(real, '/');
	return slash && slash[1] ? slash + 1 : "release";
}

bool check_rendered(const char *path, const char *namespace, struct arena *mem, struct desired *desired,
	bool *rendered, struct error *err)
{
	struct error ignored;
	const char *file = find(path), *temporary = getenv("TMPDIR");
	enum render_tool tool = file ? render_tool_of(file) : RENDER_NONE;
	const char *program = file ? render_find(tool, NULL, mem) : NULL;
	*rendered = false;
	if (!program)
		return true;
	CLEANUP(memory_freep) char *real = realpath(path, NULL);
	char *folder = arena_printf(mem, "%s/pgitops-check.XXXXXX", temporary ? temporary : "/tmp");
	if (!real || !mkdtemp(folder))
		return error_set(err, ERROR_RETRY, "cannot make %s: %s", folder, strerror(errno));
	struct place place = place_of(real, mem);
	place.title = render_title(tool, path, mem);
	const struct render_job job = {
		.tool = tool,
		.program = program,
		.folder = folder,
		.path = place.path,
		.file = file,
		.name = name_of(real),
		.namespace = namespace,
		.stop = -1,
	};
	*rendered = true;
	bool ok = run(&job, &place, mem, desired, err);
	(void)!file_remove_folder(folder, &ignored);
	return ok;
}
