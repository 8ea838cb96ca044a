/*
 * fuzz_yaml.c - any bytes as YAML: no crash, bounded trees, and JSON that is read back equal, written as YAML too
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/yaml.h"
#include "reconcile/manifest/yaml_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_written(const json_t *value, enum yaml_order order, struct arena *mem)
{
	struct yaml_documents again;
	struct mistakes mistakes = {.mem = mem};
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
	yaml_write(value, order, &text);
	yaml_read("written", buf_string(&text), text.length, mem, &again, &mistakes);
	require(!buf_failed(&text) && mistakes.count == 0 && again.count == 1);
	CLEANUP(json_done) json_t *second = yaml_to_json(again.items[0]);
	require(json_equal(value, second));
}

/* The JSON of a document, read as YAML again, is the same JSON: JSON is YAML, and floats were settled before. */
static void check_document(const struct yaml_node *document, struct arena *mem)
{
	struct yaml_documents again;
	struct mistakes mistakes = {.mem = mem};
	CLEANUP(json_done) json_t *value = yaml_to_json(document);
	require(value != NULL);
	CLEANUP(memory_freep) char *text = json_canonical(value);
	require(strlen(text) < (size_t)LIMIT_PATH_BYTES);
	if (strlen(text) > 4096)
		return;
	check_written(value, YAML_AS_GIVEN, mem);
	check_written(value, YAML_SORTED, mem);
	/* YAML 1.1 has line breaks that JSON has not. */
	if (strstr(text, "\\u") || strchr(text, '\x7f') || strstr(text, "\xc2\x85") ||
		strstr(text, "\xe2\x80\xa8") || strstr(text, "\xe2\x80\xa9"))
		return;
	yaml_read("again", text, strlen(text), mem, &again, &mistakes);
	if (mistakes.count || again.count != 1)
		return; /* a key beyond 1024 bytes, a character that YAML does not know */
	CLEANUP(json_done) json_t *second = yaml_to_json(again.items[0]);
	require(json_equal(value, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(512u << 20);
	struct yaml_documents documents;
	struct mistakes mistakes = {.mem = mem};
	yaml_read("fuzz", (const char *)data, size, mem, &documents, &mistakes);
	require(documents.count <= LIMIT_DOCUMENTS);
	for (size_t i = 0; i < mistakes.count; i++)
		require(mistakes.items[i].line >= 0 && mistakes.items[i].text[0] != '\0');
	for (size_t i = 0; i < documents.count; i++)
		check_document(documents.items[i], mem);
	return 0;
}
