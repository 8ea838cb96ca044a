#include "reconcile/source/render_path.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/render/output.h"
#include "reconcile/render/render.h"
#include "reconcile/source/rendered.h"

static const char *named(const struct render_path *path, const char *file)
{
	return arena_printf(path->mem, "%s%s%s", path->name, *path->name ? "/" : "", file);
}

static const char *field_of(enum render_tool tool)
{
	return tool == RENDER_HELM ? "source.helm" : "source.kustomize";
}

/* The file that makes it a folder for `asked`, or for any tool. Two different ones are no answer. */
static const char *find(const struct render_path *path, enum render_tool asked, bool *ambiguous)
{
	const char *found = NULL;
	*ambiguous = false;
	for (size_t i = 0; render_files[i]; i++) {
		enum render_tool tool = render_tool_of(render_files[i]);
		const git_tree_entry *entry = git_tree_entry_byname(path->at, render_files[i]);
		/* A folder may have such a name, too. */
		if (!entry || git_tree_entry_type(entry) != GIT_OBJECT_BLOB || (asked && tool != asked))
			continue;
		*ambiguous = *ambiguous || (found && render_tool_of(found) != tool);
		if (!found)
			found = render_files[i];
	}
	return found;
}

static bool refuse_overrides(const struct render_path *path, struct desired *desired)
{
	for (size_t i = 0; i < git_tree_entrycount(path->at); i++) {
		const char *name = git_tree_entry_name(git_tree_entry_byindex(path->at, i));
		const char *refusal = render_tool_of(name) ? NULL : manifest_refusal(name);
		if (!refusal)
			continue;
		mistakes_add(&desired->mistakes, named(path, name), 0, 0, "%s", refusal);
		return true;
	}
	return false;
}

static void take(const struct render_path *path, const char *file, struct source_content *content)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_RENDER_OUTPUT);
	enum render_tool tool = render_tool_of(file);
	const char *program = path->request->identities[tool];
	if (!program) {
		mistakes_add(&content->desired.mistakes, named(path, file), 0, 0,
			"makes this a %s directory, and %s is not on the agent's PATH: install it there, name it in "
			"the agent file (tools.%s), or render it and commit the result",
			tool == RENDER_HELM ? "Helm" : "Kustomize", render_tool_name(tool),
			render_tool_name(tool));
		return;
	}
	const char *key = rendered_key(path->path, tool, path->root, program, path->mem);
	if (rendered_read(path->repository->place, key, &text, path->mem))
		output_read(tool, render_title(tool, path->name, path->mem), buf_string(&text), text.length,
			path->mem, &content->desired);
	else
		content->render_file = file;
}

bool render_path_read(const struct render_path *path, struct source_content *content)
{
	const struct rendering *rendering = &path->path->directory.rendering;
	bool ambiguous;
	struct mistakes *mistakes = &content->desired.mistakes;
	const char *file = find(path, rendering->asked, &ambiguous);
	if (rendering->plain || (!file && !rendering->asked))
		return false;
	if (!file)
		mistakes_add(mistakes, *path->name ? path->name : ".", 0, 0,
			"%s is set, and there is no %s in this folder", field_of(rendering->asked),
			rendering->asked == RENDER_HELM ? "Chart.yaml" : "kustomization.yaml");
	else if (ambiguous)
		mistakes_add(mistakes, *path->name ? path->name : ".", 0, 0,
			"is a folder for helm and for kustomize: set something in source.helm or source.kustomize");
	else if (!refuse_overrides(path, &content->desired))
		take(path, file, content);
	return true;
}
