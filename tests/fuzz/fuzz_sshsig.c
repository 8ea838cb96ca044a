/*
 * An ssh signature of a commit and the list of allowed signers: before a 0 byte the list, behind it the signature.
 */
#include <string.h>

#include "reconcile/source/allowed_signers.h"
#include "reconcile/source/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(16u << 20);
	struct allowed_signers signers = {0};
	struct sshsig sig;
	struct error err;
	bool expired;
	const uint8_t *end = memchr(data, 0, size);
	size_t list = end ? (size_t)(end - data) : size;
	bool read = allowed_signers_read(arena_copy_n(mem, (const char *)data, list), mem, &signers, &err);
	if (end && sshsig_read((const char *)end + 1, size - list - 1, mem, &sig, &err)) {
		if (read)
			(void)allowed_signers_find(&signers, sig.key, sig.key_length, 1700000000, &expired);
		if (sshsig_verify(&sig, "tree", 4, &err))
			__builtin_trap(); /* nobody ever signed this */
	}
	arena_free(mem);
	return 0;
}
