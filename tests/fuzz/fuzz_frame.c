/*
 * fuzz_frame.c - what a Git process gone wrong may answer: frames, and the messages in them
 */
#include <stdlib.h>
#include <string.h>

#include "reconcile/source/answer.h"
#include "base/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct source_path paths[] = {
	{"users", {.path = "u"}, 0, "0"}, {"cluster", {.path = "c"}, 0, NULL}};
static const struct source_request request = {.paths = paths, .path_count = 2};

/* What the agent relies on once the answer is complete. */
static void check(const struct answer *answer)
{
	const struct source_result *result = &answer->result;
	if (answer->error.kind != ERROR_NONE)
		return;
	if (strlen(result->commit) != 40 || !result->author || !result->message)
		abort();
	if (result->content_count != (result->unchanged ? 0 : 2))
		abort();
	for (size_t i = 0; i < result->content_count; i++) {
		const struct objects *objects = &result->contents[i].desired.objects;
		for (size_t j = 0; j < objects->count; j++)
			if (!*objects->items[j].key.kind || !objects->items[j].key.namespace ||
				strlen(objects->items[j].json) != objects->items[j].json_length)
				abort();
	}
}

static void take(struct frame_reader *reader, struct answer *answer, const char *bytes, size_t size)
{
	struct error err = {0};
	while (size) {
		size_t taken = frame_feed(reader, bytes, size);
		if (taken > size || reader->failed)
			return;
		bytes += taken;
		size -= taken;
		if (!reader->ready)
			continue;
		if (!answer_take(answer, buf_string(&reader->body), reader->body.length, &err))
			return;
		if (answer->complete)
			check(answer);
		frame_next(reader);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new((size_t)64 << 20);
	struct frame_reader reader = FRAME_READER((size_t)1 << 20);
	struct answer answer;
	answer_start(&answer, &request, mem);
	take(&reader, &answer, (const char *)data, size);
	frame_done(&reader);
	arena_free(mem);
	return 0;
}
