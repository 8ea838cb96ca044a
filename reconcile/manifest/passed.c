#include "reconcile/manifest/passed.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

/* With the remedy. */
static const char *const reasons[PASSED_REASONS] = {
	[PASSED_NAME] =
		("read are *.yaml, *.yml and *.json (render what is to be rendered and commit the result, or set "
		 "directory.disableExtensionFilter)"),
	[PASSED_CONTENT] = "files of other names are read when they hold apiVersion:, kind: and metadata:",
	[PASSED_FILTER] = "directory.include and directory.exclude leave out every manifest",
	[PASSED_FOLDER] = "folders are read with directory.recurse",
	[PASSED_SUBMODULE] = "submodules are other repositories and are not read",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* What people put into a folder to explain it, who owns it, and programs: nothing that is rendered to manifests. */
static bool is_document(const char *name)
{
	static const char *const names[] = {"README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG",
		"OWNERS", "CODEOWNERS", "MAINTAINERS", "Makefile", "Dockerfile"};
	static const char *const endings[] = {
		".md", ".txt", ".rst", ".adoc", ".py", ".sh", ".go", ".js", ".rb", ".pem"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(endings); i++)
		if (text_ends(name, endings[i]))
			return true;
	return false;
}

void passed_add(struct passed *passed, const char *relative, enum passed_reason reason, struct arena *mem)
{
	if (*relative == '.' || strstr(relative, "/."))
		return;
	if (reason <= PASSED_CONTENT && is_document(base_name(relative))) {
		passed->documents++;
		return;
	}
	if (passed->count < PASSED_NAMES)
		passed->names[passed->count] =
			arena_printf(mem, "%s%s", relative, reason == PASSED_FOLDER ? "/" : "");
	passed->count++;
	passed->reasons[reason] = true;
}

void passed_judge(const struct passed *passed, const char *place, struct desired *desired)
{
	CLEANUP(buf_done) struct buf text = BUF(8192);
	size_t shown = passed->count < PASSED_NAMES ? passed->count : PASSED_NAMES;
	const char *between = ": ";
	if (desired->files || desired->mistakes.count)
		return;
	if (!passed->count && passed->documents)
		mistakes_add(&desired->warnings, place, 0, 0,
			"holds no manifest, only documents and programs: nothing is wanted from it");
	if (!passed->count)
		return;
	for (size_t i = 0; i < shown; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", passed->names[i]);
	if (passed->count > shown)
		buf_printf(&text, " and %zu more", passed->count - shown);
	buf_printf(&text, " %s passed over", passed->count == 1 ? "is" : "are");
	for (size_t i = 0; i < PASSED_REASONS; i++)
		if (passed->reasons[i]) {
			buf_printf(&text, "%s%s", between, reasons[i]);
			between = "; ";
		}
	mistakes_add(&desired->mistakes, place, 0, 0, "holds no manifest: %s", buf_string(&text));
}
