#include "reconcile/source/rendering.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "reconcile/render/render.h"
#include "reconcile/source/rendered.h"
#include "reconcile/source/repository.h"

/* A binary that is replaced is another one. */
static const char *identity_of(const char *program, struct arena *mem)
{
	struct stat status;
	if (!program || stat(program, &status) != 0)
		return NULL;
	return arena_printf(mem, "%s %lld %lld.%09ld", program, (long long)status.st_size,
		(long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

void rendering_prepare(struct source_request *request, struct arena *mem)
{
	for (size_t i = 0; i < RENDER_TOOLS; i++)
		request->identities[i] = identity_of(request->programs[i], mem);
	/* One thread renders for one request at a time. */
	if (request->identities[RENDER_KUSTOMIZE] || request->identities[RENDER_HELM])
		request->layout = arena_printf(mem, "render-%d", (int)gettid());
}

/* One run to be made. */
struct work {
	const struct source_request *request;
	const struct source_result *result;
	const char *place;
	struct arena *mem;
};

static void add_mistake(
	const struct work *work, const char *title, const struct error *why, struct source_content *content)
{
	const char *left_out = work->result->left_out;
	content->render_file = NULL;
	mistakes_add(&content->desired.mistakes, title, 0, 0, "%s%s%s", why->text,
		*left_out ? "; not shown to it: " : "", left_out);
}

static bool render(const struct work *work, const struct source_path *path, struct source_content *content,
	struct error *err)
{
	const struct rendering *rendering = &path->directory.rendering;
	enum render_tool tool = render_tool_of(content->render_file);
	const char *title = render_title(tool, path->directory.path, work->mem);
	const struct render_job job = {
		.tool = tool,
		.program = work->request->programs[tool],
		.folder = arena_printf(work->mem, "%s/%s", work->place, work->request->layout),
		.path = path->directory.path,
		.file = content->render_file,
		.name = path->application,
		.options = rendering->options,
		.namespace = rendering->namespace,
		.lock = arena_printf(work->mem, "%s/render.lock", work->request->folder),
		.stop = work->request->stop,
	};
	if (!render_run(&job, err)) {
		if (err->kind != ERROR_INVALID)
			return error_prefix(err, "%s", title);
		add_mistake(work, title, err, content);
		return true;
	}
	const char *key =
		rendered_key(path, tool, work->result->tree, work->request->identities[tool], work->mem);
	return rendered_keep(
		work->place, key, arena_printf(work->mem, "%s/output", job.folder), work->mem, err);
}

/* The paths that were rendered, and which of the request's each is. */
static size_t collect(const struct work *work, struct source_path *paths, size_t *places)
{
	size_t count = 0;
	for (size_t i = 0; i < work->result->content_count; i++)
		if (work->result->contents[i].render_file) {
			places[count] = i;
			paths[count++] = work->request->paths[i];
		}
	return count;
}

static bool read_again(
	const struct work *work, rendering_read *read, struct source_result *result, struct error *err)
{
	size_t count = result->content_count;
	struct source_path *paths = arena_array(work->mem, count, sizeof(*paths));
	size_t *places = arena_array(work->mem, count, sizeof(*places));
	struct source_request request = *work->request;
	struct source_result again = {0};
	request.paths = paths;
	request.path_count = collect(work, paths, places);
	request.known = result->commit;
	request.offline = true;
	request.layout = NULL;
	if (!request.path_count)
		return true;
	if (!read(&request, work->mem, &again, err))
		return false;
	for (size_t i = 0; i < again.content_count; i++) {
		if (again.contents[i].render_file)
			return error_set(err, ERROR_RETRY, "what was rendered is not on the disk any more");
		result->contents[places[i]] = again.contents[i];
	}
	return true;
}

static bool render_all(const struct work *work, struct source_result *result, struct error *err)
{
	for (size_t i = 0; i < result->content_count; i++)
		if (result->contents[i].render_file &&
			!render(work, &work->request->paths[i], &result->contents[i], err))
			return false;
	return true;
}

bool rendering_complete(const struct source_request *request, const struct url *url, rendering_read *read,
	struct arena *mem, struct source_result *result, struct error *err)
{
	const struct work work = {request, result, repository_place(request->folder, url, mem), mem};
	if (!request->layout || !result->content_count)
		return true;
	if (!render_all(&work, result, err) || !read_again(&work, read, result, err))
		return false;
	rendered_trim(work.place, mem);
	return true;
}

void rendering_end(const struct source_request *request, const struct url *url, struct arena *mem)
{
	struct error ignored;
	if (request->layout)
		(void)!file_remove_folder(arena_printf(mem, "%s/%s",
						  repository_place(request->folder, url, mem), request->layout),
			&ignored);
}
