#include "agent/hook/layout.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"

/* A search without .pgitops.yaml looks at so many entries and no deeper: larger repositories declare their layout. */
enum { SEARCH_ENTRIES = 50000, SEARCH_DEPTH = 8 };

/* ---- .pgitops.yaml ---- */

struct reading {
	struct arena *mem;
	struct layout *layout;
	struct mistakes *mistakes;
};

static void complain(const struct reading *reading, int line, const char *text)
{
	mistakes_add(reading->mistakes, LAYOUT_FILE, line, 0, "%s", text);
}

/*
 * A path as Git has it: without "./" and "//". NULL where it would leave the repository, or lead into a .git, of a submodule too: who
 * may push writes this file, and the commands that seal write the files it names. Of some file systems ".GIT" is the same folder.
 */
static const char *path_inside(struct arena *mem, const char *text)
{
	char *path = arena_alloc(mem, strlen(text) + 1), *end = path;
	if (*text == '/' || strpbrk(text, "\r\n"))
		return NULL;
	for (size_t length; *text; text += length + (text[length] == '/')) {
		length = strcspn(text, "/");
		if ((length == 2 && memcmp(text, "..", 2) == 0) ||
			(length == 4 && strncasecmp(text, ".git", 4) == 0))
			return NULL;
		if (length == 0 || (length == 1 && *text == '.'))
			continue;
		if (end > path)
			*end++ = '/';
		memcpy(end, text, length);
		end += length;
	}
	return end > path ? path : NULL;
}

static const char *path_of(const struct reading *reading, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	if (!node || node->kind == YAML_NULL)
		return NULL;
	bool whole = node->kind == YAML_STRING && strlen(node->text) == node->length;
	const char *path = whole ? path_inside(reading->mem, node->text) : NULL;
	if (!path)
		complain(reading, node->line,
			"a path is text, relative to the repository's root, and stays inside it and outside of .git");
	return path;
}

static void check_keys(
	const struct reading *reading, const struct yaml_node *map, const char *const *keys, size_t count)
{
	for (size_t i = 0; map->kind == YAML_MAP && i < map->count; i++) {
		bool known = false;
		for (size_t k = 0; k < count; k++)
			known = known || strcmp(map->pairs[i].key, keys[k]) == 0;
		if (!known)
			mistakes_add(reading->mistakes, LAYOUT_FILE, map->pairs[i].line, map->pairs[i].column,
				"unknown field \"%s\"", map->pairs[i].key);
	}
}

/* `path` with another last part. */
static const char *beside(struct arena *mem, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	return slash ? arena_printf(mem, "%.*s/%s", (int)(slash - path), path, name) : arena_copy(mem, name);
}

static bool exists(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* pub-cert.pem beside the edit file or in a folder above. */
static const char *find_certificate(struct arena *mem, const char *edit)
{
	const char *path = edit;
	for (;;) {
		const char *candidate = beside(mem, path, LAYOUT_CERTIFICATE);
		if (exists(candidate))
			return candidate;
		const char *slash = strrchr(path, '/');
		if (!slash)
			return NULL;
		path = arena_copy_n(mem, path, (size_t)(slash - path));
	}
}

static void complete(struct arena *mem, const struct layout *layout, struct layout_users *users)
{
	if (!users->users)
		users->users = beside(mem, users->edit, LAYOUT_USERS);
	if (!users->sealed)
		users->sealed = beside(mem, users->edit, LAYOUT_SEALED);
	users->certificate_general = layout->certificate;
	if (!users->certificate) {
		users->certificate = find_certificate(mem, users->edit);
		users->certificate_found = users->certificate;
	}
	if (!users->certificate)
		users->certificate = layout->certificate;
}

struct layout_users layout_of(struct arena *mem, const char *edit, const struct layout *layout)
{
	struct layout_users users = {.edit = edit};
	complete(mem, layout, &users);
	return users;
}

static void add_users(struct arena *mem, struct layout *layout, struct layout_users users)
{
	complete(mem, layout, &users);
	layout->users = arena_grow(mem, layout->users, layout->count, sizeof(*layout->users));
	layout->users[layout->count++] = users;
}

static void read_users(const struct reading *reading, const struct yaml_node *entry)
{
	static const char *const keys[] = {"edit", "users", "sealed", "certificate", "namespace"};
	const struct yaml_node *namespace = yaml_get(entry, "namespace");
	check_keys(reading, entry, keys, COUNT_OF(keys));
	struct layout_users users = {
		.edit = path_of(reading, entry, "edit"),
		.users = path_of(reading, entry, "users"),
		.sealed = path_of(reading, entry, "sealed"),
		.certificate = path_of(reading, entry, "certificate"),
		.namespace = namespace && namespace->kind == YAML_STRING
			? arena_copy(reading->mem, namespace->text)
			: NULL,
	};
	if (!users.edit)
		complain(reading, entry->line,
			"an entry of sealing.users needs \"edit\", the file that people edit");
	else
		add_users(reading->mem, reading->layout, users);
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->text ? node->text : "";
}

bool layout_read_allowed(const char *file, const struct yaml_node *node, struct arena *mem,
	struct layout *layout, struct mistakes *mistakes)
{
	struct layout_allowed allowed = {.path = arena_copy(mem, text_of(node, "path")),
		.rule = leak_rule_of(text_of(node, "rule")),
		.fingerprint = arena_copy(mem, text_of(node, "fingerprint"))};
	bool earlier = *text_of(node, "sha256") && !*text_of(node, "rule");
	if (!*allowed.path ||
		(!earlier && (allowed.rule == LEAK_RULES || strlen(allowed.fingerprint) != LEAK_FINGERPRINT))) {
		mistakes_add(mistakes, file, node->line, 0,
			"an entry of sealing.allow needs \"path\", \"rule\" and \"fingerprint\", as the refusal's `pgitops check --secrets --allow` "
			"writes it");
		return false;
	}
	layout->allowed = arena_grow(mem, layout->allowed, layout->allowed_count, sizeof(*layout->allowed));
	layout->allowed[layout->allowed_count++] = allowed;
	return true;
}

static void read_allowed(const struct reading *reading, const struct yaml_node *entry)
{
	static const char *const keys[] = {"path", "rule", "fingerprint", "sha256"};
	check_keys(reading, entry, keys, COUNT_OF(keys));
	if (!layout_read_allowed(LAYOUT_FILE, entry, reading->mem, reading->layout, reading->mistakes))
		return; /* said there */
}

static void read_each(const struct reading *reading, const struct yaml_node *map, const char *key,
	void (*read)(const struct reading *reading, const struct yaml_node *entry))
{
	const struct yaml_node *list = yaml_get(map, key);
	if (list && list->kind != YAML_LIST && list->kind != YAML_NULL)
		complain(reading, list->line, "this must be a list");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
		read(reading, list->items[i]);
}

static void read_root(const struct reading *reading, const struct yaml_node *root)
{
	static const char *const top[] = {"version", "sealing"}, *const inside[] = {"certificate", "users", "allow"};
	const struct yaml_node *version = yaml_get(root, "version"), *sealing = yaml_get(root, "sealing");
	check_keys(reading, root, top, COUNT_OF(top));
	if (!version || version->kind != YAML_INTEGER || version->integer != 1)
		complain(reading, root->line,
			"\"version: 1\" is missing, or a version that this program does not know");
	if (!sealing)
		return;
	check_keys(reading, sealing, inside, COUNT_OF(inside));
	reading->layout->certificate = path_of(reading, sealing, "certificate");
	read_each(reading, sealing, "users", read_users);
	read_each(reading, sealing, "allow", read_allowed);
}

bool layout_parse(
	const char *text, size_t length, struct arena *mem, struct layout *layout, struct mistakes *mistakes)
{
	struct layout read = {.complete = true};
	struct reading reading = {mem, &read, mistakes};
	struct yaml_documents documents = {0};
	size_t before = mistakes->count;
	yaml_read(LAYOUT_FILE, text, length, mem, &documents, mistakes);
	if (mistakes->count == before && documents.count == 1)
		read_root(&reading, documents.items[0]);
	else if (mistakes->count == before)
		complain(&reading, 0, "expected one document");
	if (mistakes->count != before)
		return false;
	read.declared = read.count > 0;
	*layout = read;
	return true;
}

/* ---- the predecessor's layout ---- */

struct search {
	struct arena *mem;
	struct layout *layout;
	int entries;
};

static int by_edit(const void *a, const void *b)
{
	return strcmp(((const struct layout_users *)a)->edit, ((const struct layout_users *)b)->edit);
}

static bool is_folder(const char *path, const struct dirent *entry)
{
	struct stat status;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Hidden folders, node_modules and links are passed over. */
static void search_folder(struct search *search, const char *folder, int depth)
{
	DIR *opened = opendir(*folder ? folder : ".");
	struct dirent *entry;
	while (opened && (entry = readdir(opened)) && search->entries < SEARCH_ENTRIES) {
		search->entries++;
		bool edit = strcmp(entry->d_name, LAYOUT_EDIT) == 0;
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0 ||
			(!edit && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		const char *path =
			arena_printf(search->mem, "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
		if (edit && exists(path))
			add_users(search->mem, search->layout, (struct layout_users){.edit = path});
		else if (depth < SEARCH_DEPTH && is_folder(path, entry))
			search_folder(search, path, depth + 1);
	}
	if (opened)
		closedir(opened);
}

/* Adds the entries that nobody declared. */
static void find(struct arena *mem, struct layout *layout)
{
	struct search search = {.mem = mem, .layout = layout};
	if (!layout->certificate && exists(LAYOUT_CERTIFICATE))
		layout->certificate = LAYOUT_CERTIFICATE;
	search_folder(&search, "", 0);
	if (layout->count)
		qsort(layout->users, layout->count, sizeof(*layout->users), by_edit);
	layout->complete = search.entries < SEARCH_ENTRIES;
}

bool layout_read(struct arena *mem, struct layout *layout, struct mistakes *mistakes)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	struct layout read = {0};
	struct error err;
	if (file_read(LAYOUT_FILE, &text, &err)) {
		if (!layout_parse(buf_string(&text), text.length, mem, &read, mistakes))
			return false;
	} else if (err.kind != ERROR_MISSING) {
		mistakes_add(mistakes, "", 0, 0, "%s", err.text);
		return false;
	}
	if (!read.declared)
		find(mem, &read);
	*layout = read;
	return true;
}

const struct layout_users *layout_of_edit(const struct layout *layout, const char *path)
{
	for (size_t i = 0; i < layout->count; i++)
		if (strcmp(layout->users[i].edit, path) == 0)
			return &layout->users[i];
	return NULL;
}
