/*
 * fuzz_manifest.c - any bytes as a manifest file: what comes out is whole, canonical and within the limits
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_object(const struct object *object)
{
	struct error err;
	CLEANUP(json_done) json_t *value = NULL;
	require(*object->key.kind && *object->key.name && *object->version && object->line > 0);
	require(!strpbrk(object->key.name, "/%") && strcmp(object->key.name, "..") != 0);
	require(object->json_length == strlen(object->json) &&
		object->json_length <= (size_t)LIMIT_OBJECT_BYTES);
	require(json_read(object->json, object->json_length, &value, &err));
	CLEANUP(memory_freep) char *text = json_canonical(value);
	require(strcmp(text, object->json) == 0);
	require(strcmp(json_text_at(value, "metadata.name", ""), object->key.name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(512u << 20);
	struct desired desired = {.mistakes = {.mem = mem}, .warnings = {.mem = mem}};
	manifest_read("fuzz.yaml", (const char *)data, size, mem, &desired);
	desired_complete(&desired, size % 2 ? "team" : "", NULL, NULL, mem);
	require(desired.objects.count <= LIMIT_OBJECTS && desired.bytes <= (size_t)LIMIT_PATH_BYTES);
	for (size_t i = 0; i < desired.objects.count; i++) {
		check_object(&desired.objects.items[i]);
		if (i)
			require(object_key_compare(&desired.objects.items[i - 1].key,
					&desired.objects.items[i].key) < 0);
	}
	return 0;
}
