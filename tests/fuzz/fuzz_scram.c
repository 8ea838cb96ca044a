/*
 * fuzz_scram.c - any bytes as a verifier: what is read is written back the same
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct scram_verifier verifier;
	char salt[4 * ((SCRAM_SALT_MAX + 2) / 3) + 1], stored[45], server[45], again[SCRAM_TEXT_SIZE];
	bool parsed = scram_parse(text, size, &verifier);
	if (parsed != (scram_kind_of(text, size) == SCRAM_VERIFIER))
		abort();
	if (!parsed)
		return 0;
	if (verifier.iterations < 1 || verifier.iterations > LIMIT_SCRAM_ITERATIONS)
		abort();
	text_base64(verifier.salt, verifier.salt_length, salt);
	text_base64(verifier.stored_key, SCRAM_KEY, stored);
	text_base64(verifier.server_key, SCRAM_KEY, server);
	snprintf(again, sizeof(again), "SCRAM-SHA-256$%d:%s$%s:%s", verifier.iterations, salt, stored, server);
	if (strlen(again) != size || memcmp(again, text, size) != 0)
		abort();
	return 0;
}
