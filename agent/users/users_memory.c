#include "agent/users/users_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- digests ---- */

static void flush(struct users_digest *digest)
{
	unsigned char all[DIGEST_SIZE + sizeof(digest->text)];
	memcpy(all, digest->state, DIGEST_SIZE);
	memcpy(all + DIGEST_SIZE, digest->text, digest->length);
	digest_sha256(all, DIGEST_SIZE + digest->length, digest->state);
	digest->length = 0;
}

/* With its NUL, so that "ab", "c" is another than "a", "bc". */
void users_digest_add(struct users_digest *digest, const char *text)
{
	for (size_t left = strlen(text) + 1; left;) {
		size_t room = sizeof(digest->text) - digest->length, part = left < room ? left : room;
		memcpy(digest->text + digest->length, text, part);
		digest->length += part;
		text += part;
		left -= part;
		if (digest->length == sizeof(digest->text))
			flush(digest);
	}
}

void users_digest_end(struct users_digest *digest, unsigned char out[DIGEST_SIZE])
{
	flush(digest);
	memcpy(out, digest->state, DIGEST_SIZE);
}

void users_memory_digest(
	const char *user, const char *verifier, const char *version, unsigned char out[DIGEST_SIZE])
{
	struct users_digest digest = {.length = 0};
	users_digest_add(&digest, user);
	users_digest_add(&digest, verifier);
	users_digest_add(&digest, version);
	users_digest_end(&digest, out);
	explicit_bzero(digest.text, sizeof(digest.text));
}

/* ---- the memory ---- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

bool users_memory_knows(const struct users_memory *memory, const unsigned char digest[DIGEST_SIZE])
{
	return memory->verified_count &&
		bsearch(digest, memory->verified, memory->verified_count, DIGEST_SIZE, compare);
}

void users_memory_keep(struct users_memory *memory, unsigned char (*verified)[DIGEST_SIZE], size_t count)
{
	free(memory->verified);
	memory->verified = memory_alloc((count + 1) * DIGEST_SIZE);
	if (count)
		memcpy(memory->verified, verified, count * DIGEST_SIZE);
	memory->verified_count = count;
	if (count)
		qsort(memory->verified, count, DIGEST_SIZE, compare);
}

void users_memory_done(struct users_memory *memory)
{
	free(memory->verified);
	*memory = (struct users_memory){.is_recorded = false};
}
