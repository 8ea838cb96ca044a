/* One text: what kind it is, and who reads it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/leak/internal.h"

static const char *const manifests[] = {".yaml", ".yml", ".json", ".yaml.tpl", ".yml.tpl", ".json.tpl",
	".yaml.j2", ".yml.j2", ".yaml.tmpl", ".yml.tmpl", ".yaml.gotmpl", ".yaml.erb", ".jsonnet",
	".libsonnet", ".json5", ".tpl"};
static const char *const prose[] = {".md", ".markdown", ".mdx", ".rst", ".adoc", ".asciidoc", ".html", ".htm",
	".tex", ".org", ".textile", ".wiki", ".1", ".5", ".8", ".pod", ".svg", ".xml"};
static const char *const sources[] = {".go", ".py", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".c", ".h",
	".cc", ".cpp", ".hpp", ".rs", ".java", ".kt", ".kts", ".scala", ".rb", ".php", ".pl", ".pm", ".cs",
	".fs", ".swift", ".m", ".lua", ".r", ".jl", ".ex", ".exs", ".erl", ".hs", ".clj", ".groovy", ".gradle",
	".sh", ".bash", ".zsh", ".fish", ".ps1", ".psm1", ".bat", ".cmd", ".sql", ".tf", ".hcl", ".proto",
	".vue", ".svelte", ".css", ".scss", ".less", ".ipynb", ".cue", ".dart", ".awk", ".vim", ".el", ".nix",
	".bzl", ".cmake", ".snap", ".patch", ".diff", ".rego", ".feature", ".robot", ".lock", ".sum"};
static const char *const source_names[] = {
	"Makefile", "Dockerfile", "Jenkinsfile", "Vagrantfile", "Tiltfile", "Rakefile"};

static bool ends_with_any(const char *path, const char *const *endings, size_t count)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(endings[i]);
		if (length >= size && strcasecmp(path + length - size, endings[i]) == 0)
			return true;
	}
	return false;
}

enum leak_place leak_place_of(const char *path)
{
	if (ends_with_any(path, manifests, COUNT_OF(manifests)))
		return PLACE_MANIFEST;
	if (ends_with_any(path, prose, COUNT_OF(prose)))
		return PLACE_PROSE;
	return ends_with_any(path, sources, COUNT_OF(sources)) ||
			ends_with_any(path, source_names, COUNT_OF(source_names))
		? PLACE_SOURCE
		: PLACE_OTHER;
}

static bool has_word(const char *text, size_t length, const char *lower)
{
	size_t size = strlen(lower);
	char first[2] = {*lower, (char)toupper(*lower)};
	for (int i = 0; i < 2; i++)
		for (const char *at = text; at && at + size <= text + length;) {
			at = memchr(at, first[i], length - (size_t)(at - text));
			if (at && at + size <= text + length && strncasecmp(at, lower, size) == 0)
				return true;
			at = at ? at + 1 : NULL;
		}
	return false;
}

bool leak_is_worth_reading(const char *text, size_t length)
{
	if (length < 12)
		return false;
	if (memmem(text, length, "ecret", 5) &&
		(memmem(text, length, "kind", 4) || memmem(text, length, "literals", 8)))
		return true;
	if (!has_word(text, length, "user"))
		return false;
	return has_word(text, length, "pass") || has_word(text, length, "pwd") ||
		memmem(text, length, "client-key-data", 15) ||
		(memmem(text, length, "token", 5) && memmem(text, length, "clusters", 8));
}

/* A text that is one long scalar says nothing as YAML. */
static bool is_structure(const struct yaml_documents *documents)
{
	for (size_t i = 0; i < documents->count; i++)
		if (documents->items[i]->kind == YAML_MAP || documents->items[i]->kind == YAML_LIST)
			return true;
	return false;
}

void leak_text(const struct look *look, const struct view *view, const char *text, size_t length)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = look->mem};
	if (!leak_is_worth_reading(text, length))
		return;
	if (leak_is_example(look->place) || length > (size_t)LIMIT_FILE_BYTES || look->decoded) {
		loose_judge(look, view, text, length, false);
		return;
	}
	yaml_read("", text, length, look->mem, &documents, &mistakes);
	for (size_t i = 0; i < documents.count; i++)
		if (documents.items[i]->kind == YAML_MAP || documents.items[i]->kind == YAML_LIST)
			leak_judge(look, documents.items[i]);
	loose_judge(look, view, text, length, !mistakes.count && is_structure(&documents));
}
