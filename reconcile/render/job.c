#include "reconcile/render/job.h"

#include <string.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"

bool job_write(const struct render_job *job, int *fd, struct error *err)
{
	CLEANUP(json_done) json_t *json = json_object();
	json_object_set_new(json, "tool", json_integer(job->tool));
	json_object_set_new(json, "parent", json_integer(getpid()));
	json_set_text(json, "program", job->program);
	json_set_text(json, "folder", job->folder);
	json_set_text(json, "path", job->path);
	json_set_text(json, "file", job->file);
	json_set_text(json, "name", job->name);
	json_set_text(json, "options", job->options);
	json_set_text(json, "namespace", job->namespace);
	json_set_text(json, "lock", job->lock);
	json_object_set_new(json, "seconds", json_integer(job->seconds ? job->seconds : LIMIT_RENDER_SECONDS));
	CLEANUP(memory_freep) char *text = json_canonical(json);
	int file;
	if (!frame_file(&file, err) || !frame_file_done(file, frame_write(file, text, strlen(text), err), err))
		return false;
	*fd = file;
	return true;
}

static const char *copy(const json_t *json, const char *key, const char *fallback, struct arena *mem)
{
	return arena_copy(mem, json_text_at(json, key, fallback));
}

bool job_read(int fd, struct arena *mem, struct render_job *job, pid_t *parent, struct error *err)
{
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(LIMIT_FRAME_BYTES);
	CLEANUP(json_done) json_t *json = NULL;
	if (!frame_read(fd, &reader, err) ||
		!json_read(buf_string(&reader.body), reader.body.length, &json, err))
		return false;
	*job = (struct render_job){
		.tool = (enum render_tool)json_number_at(json, "tool", RENDER_NONE),
		.program = copy(json, "program", "", mem),
		.folder = copy(json, "folder", "", mem),
		.path = copy(json, "path", "", mem),
		.file = copy(json, "file", "", mem),
		.name = copy(json, "name", "", mem),
		.options = copy(json, "options", NULL, mem),
		.namespace = copy(json, "namespace", NULL, mem),
		.lock = copy(json, "lock", NULL, mem),
		.seconds = json_number_at(json, "seconds", LIMIT_RENDER_SECONDS),
		.stop = -1,
	};
	*parent = (pid_t)json_number_at(json, "parent", 0);
	return (job->tool > RENDER_NONE && job->tool < RENDER_TOOLS) ||
		error_set(err, ERROR_BUG, "a rendering by no tool was asked for");
}

const char *job_file(const struct render_job *job, const char *name, struct arena *mem)
{
	return arena_printf(mem, "%s/%s", job->folder, name);
}

/* `name` with one part of a path appended; NULL = that leads out. */
static const char *step(const char *name, const char *part, int size, struct arena *mem)
{
	if (!size || (size == 1 && *part == '.'))
		return name;
	if (size != 2 || memcmp(part, "..", 2) != 0)
		return arena_printf(mem, "%s%s%.*s", name, *name ? "/" : "", size, part);
	const char *last = strrchr(name, '/');
	if (!*name)
		return NULL;
	return last ? arena_copy_n(mem, name, (size_t)(last - name)) : "";
}

bool job_resolve(const struct render_job *job, const char *text, struct arena *mem, const char **name,
	struct error *err)
{
	const char *resolved = *text == '/' ? "" : job->path;
	for (const char *part = text; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		resolved = step(resolved, part, (int)strcspn(part, "/"), mem);
		if (!resolved)
			return error_set(err, ERROR_INVALID, "%.200s leads out of the repository", text);
	}
	*name = resolved;
	return true;
}

void arguments_add(struct arguments *arguments, const char *text)
{
	arguments->items =
		arena_grow(arguments->mem, arguments->items, arguments->count, sizeof(*arguments->items));
	arguments->items[arguments->count++] = text;
}
