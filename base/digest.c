#include "base/digest.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdlib.h>

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

/* An EVP_MAC_CTX by another name. */
struct digest_mac {
	EVP_MAC_CTX *context;
};

struct digest_mac *digest_mac_new(void)
{
	struct digest_mac *made = memory_alloc(sizeof(*made));
	char name[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	made->context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac); /* the context holds it */
	if (!made->context || EVP_MAC_CTX_set_params(made->context, parameters) != 1)
		memory_fail("HMAC-SHA256 is not available", 0);
	return made;
}

void digest_mac(struct digest_mac *mac, const void *key, size_t key_length, const void *bytes, size_t length,
	unsigned char out[DIGEST_SIZE])
{
	size_t size;
	if (EVP_MAC_init(mac->context, key, key_length, NULL) != 1 ||
		EVP_MAC_update(mac->context, bytes, length) != 1 ||
		EVP_MAC_final(mac->context, out, &size, DIGEST_SIZE) != 1)
		memory_fail("HMAC-SHA256 is not available", key_length);
}

void digest_mac_free(struct digest_mac *mac)
{
	if (mac)
		EVP_MAC_CTX_free(mac->context);
	free(mac);
}

void digest_sha1(const void *bytes, size_t length, unsigned char out[DIGEST_SHA1_SIZE])
{
	if (EVP_Digest(bytes, length, out, NULL, EVP_sha1(), NULL) != 1)
		memory_fail("SHA-1 is not available", length);
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
