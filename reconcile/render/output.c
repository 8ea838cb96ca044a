#include "reconcile/render/output.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/manifest/manifest.h"

/* A line that begins with "---" ends a document wherever it stands, in a block of text, too (YAML 1.2, 9.1.2). */
static bool is_marker(const char *line, size_t length)
{
	return length >= 3 && memcmp(line, "---", 3) == 0 && (length == 3 || strchr(" \t\r\n", line[3]));
}

/* Where the next document's marker is, or the end. */
static size_t document_length(const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;
	while (at < end) {
		if (at > bytes && is_marker(at, (size_t)(end - at)))
			return (size_t)(at - bytes);
		const char *line = memchr(at, '\n', (size_t)(end - at));
		at = line ? line + 1 : end;
	}
	return length;
}

/* "# Source: CHART/templates/a.yaml", which Helm puts before each document; NULL = there is none. */
static const char *source_of(const char *document, size_t length, struct arena *mem)
{
	static const char word[] = "# Source: ";
	const char *line = memchr(document, '\n', length);
	if (!line || (size_t)(document + length - ++line) <= strlen(word) ||
		memcmp(line, word, strlen(word)) != 0)
		return NULL;
	line += strlen(word);
	const char *name = arena_copy_n(mem, line, strcspn(line, "\n"));
	const char *slash = strchr(name, '/');
	return slash ? slash + 1 : name;
}

static bool is_blank(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n-", bytes[i]))
			return false;
	return true;
}

void output_read(enum render_tool tool, const char *title, const char *bytes, size_t length,
	struct arena *mem, struct desired *desired)
{
	size_t files = desired->files, number = 0;
	while (length) {
		size_t size = document_length(bytes, length);
		if (!is_blank(bytes, size)) {
			const char *source = tool == RENDER_HELM ? source_of(bytes, size, mem) : NULL;
			number++;
			manifest_read(source ? arena_printf(mem, "%s: %s", title, source)
					     : arena_printf(mem, "%s: document %zu", title, number),
				bytes, size, mem, desired);
		}
		bytes += size;
		length -= size;
	}
	desired->files = files + 1;
	desired->rendered = tool;
}
