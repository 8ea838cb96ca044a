#include "base/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/memory.h"
#include "base/text.h"

void digest_sha256(const void *bytes, size_t length, unsigned char out[DIGEST_SIZE])
{
	if (EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) != 1)
		memory_fail("SHA-256 is not available", length);
}

void digest_sha256_hex(const void *bytes, size_t length, char out[DIGEST_HEX_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	digest_sha256(bytes, length, digest);
	text_hex(digest, sizeof(digest), out);
}

void digest_hmac(
	const void *key, size_t key_length, const void *bytes, size_t length, unsigned char out[DIGEST_SIZE])
{
	unsigned size = DIGEST_SIZE;
	if (key_length > INT_MAX || !HMAC(EVP_sha256(), key, (int)key_length, bytes, length, out, &size))
		memory_fail("HMAC-SHA256 is not available", key_length);
}

void digest_hmac_sha1(const void *key, size_t key_length, const void *bytes, size_t length,
	unsigned char out[DIGEST_SHA1_SIZE])
{
	unsigned size = DIGEST_SHA1_SIZE;
	if (key_length > INT_MAX || !HMAC(EVP_sha1(), key, (int)key_length, bytes, length, out, &size))
		memory_fail("HMAC-SHA1 is not available", key_length);
}

void digest_slow(const void *bytes, size_t length, const void *salt, size_t salt_length,
	unsigned char out[DIGEST_SIZE])
{
	if (EVP_PBE_scrypt(bytes, length, salt, salt_length, 1 << 14, 8, 1, 32L << 20, out, DIGEST_SIZE) != 1)
		memory_fail("scrypt is not available", length);
}

bool digest_equal(const void *a, const void *b, size_t length)
{
	return CRYPTO_memcmp(a, b, length) == 0;
}
