#include "reconcile/postgres/scram.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define SCRAM_PREFIX "SCRAM-SHA-256"

enum { MD5_TEXT = 35, NEAR = 4 };

/* The bytes between two delimiters; false when they are no base64 or do not fit. */
static bool decode(const char *text, size_t length, unsigned char *out, size_t size, size_t *out_length)
{
	unsigned char bytes[2 * SCRAM_SALT_MAX + 4];
	if (length / 4 * 3 + 1 > sizeof(bytes) || !text_base64_decode(text, length, bytes, out_length))
		return false;
	if (!*out_length || *out_length > size)
		return false;
	memcpy(out, bytes, *out_length);
	return true;
}

/* 1 to LIMIT_SCRAM_ITERATIONS, written as the server writes it: no sign, no leading zero. */
static bool parse_iterations(const char *text, size_t length, int *iterations)
{
	long value = 0;
	if (!length || length > 7 || text[0] == '0')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*iterations = (int)value;
	return value <= LIMIT_SCRAM_ITERATIONS;
}

/* Takes the part up to `delimiter` (0 = the end) off the front. */
static bool cut(const char **text, size_t *left, char delimiter, const char **part, size_t *length)
{
	const char *end = delimiter ? memchr(*text, delimiter, *left) : *text + *left;
	if (!end)
		return false;
	*part = *text;
	*length = (size_t)(end - *text);
	size_t used = *length + (delimiter ? 1 : 0);
	*text += used;
	*left -= used;
	return true;
}

bool scram_parse(const char *text, size_t length, struct scram_verifier *verifier)
{
	struct scram_verifier parsed = {0};
	const char *part;
	size_t size, stored = 0, server = 0;

	if (length < sizeof(SCRAM_PREFIX) || memcmp(text, SCRAM_PREFIX "$", sizeof(SCRAM_PREFIX)) != 0)
		return false;
	text += sizeof(SCRAM_PREFIX);
	length -= sizeof(SCRAM_PREFIX);
	if (!cut(&text, &length, ':', &part, &size) || !parse_iterations(part, size, &parsed.iterations))
		return false;
	if (!cut(&text, &length, '$', &part, &size) ||
		!decode(part, size, parsed.salt, sizeof(parsed.salt), &parsed.salt_length))
		return false;
	if (!cut(&text, &length, ':', &part, &size) ||
		!decode(part, size, parsed.stored_key, SCRAM_KEY, &stored))
		return false;
	if (!cut(&text, &length, 0, &part, &size) || !decode(part, size, parsed.server_key, SCRAM_KEY, &server))
		return false;
	if (stored != SCRAM_KEY || server != SCRAM_KEY)
		return false;
	*verifier = parsed;
	return true;
}

/* md5 and 32 hex digits, give or take what a paste adds or loses. */
static bool is_like_md5(const char *text, size_t length)
{
	size_t digits = 0;
	if (length < MD5_TEXT - NEAR || length > MD5_TEXT + NEAR || memcmp(text, "md5", 3) != 0)
		return false;
	while (3 + digits < length && isxdigit((unsigned char)text[3 + digits]))
		digits++;
	return digits + NEAR >= MD5_TEXT - 3;
}

static bool is_md5(const char *text, size_t length)
{
	if (length != MD5_TEXT || memcmp(text, "md5", 3) != 0)
		return false;
	for (size_t i = 3; i < length; i++)
		if (!isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
			return false;
	return true;
}

enum scram_kind scram_kind_of(const char *text, size_t length)
{
	struct scram_verifier verifier;
	if (scram_parse(text, length, &verifier))
		return SCRAM_VERIFIER;
	if (memmem(text, length, SCRAM_PREFIX "$", sizeof(SCRAM_PREFIX)))
		return SCRAM_NEAR_MISS; /* a blank before it, a line end after it, a key cut short */
	if (is_md5(text, length))
		return SCRAM_OUTDATED;
	return is_like_md5(text, length) ? SCRAM_NEAR_MISS : SCRAM_PASSWORD;
}

struct keys {
	unsigned char salted[SCRAM_KEY];
	unsigned char client[SCRAM_KEY];
	unsigned char stored[SCRAM_KEY];
	unsigned char server[SCRAM_KEY];
};

static void derive(const char *password, size_t length, const unsigned char *salt, size_t salt_length,
	int iterations, struct keys *keys)
{
	if (length > INT_MAX ||
		PKCS5_PBKDF2_HMAC(password, (int)length, salt, (int)salt_length, iterations, EVP_sha256(),
			SCRAM_KEY, keys->salted) != 1)
		memory_fail("PBKDF2", length);
	digest_hmac(keys->salted, SCRAM_KEY, "Client Key", 10, keys->client);
	digest_sha256(keys->client, SCRAM_KEY, keys->stored);
	digest_hmac(keys->salted, SCRAM_KEY, "Server Key", 10, keys->server);
}

bool scram_check(const struct scram_verifier *verifier, const char *password, size_t length)
{
	struct keys keys;
	derive(password, length, verifier->salt, verifier->salt_length, verifier->iterations, &keys);
	int differs = CRYPTO_memcmp(keys.stored, verifier->stored_key, SCRAM_KEY);
	differs |= CRYPTO_memcmp(keys.server, verifier->server_key, SCRAM_KEY);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return differs == 0;
}

void scram_format(const char *password, size_t length, const unsigned char *salt, size_t salt_length,
	int iterations, char text[SCRAM_TEXT_SIZE])
{
	char salt_text[4 * ((SCRAM_SALT_MAX + 2) / 3) + 1], stored[45], server[45];
	struct keys keys;
	derive(password, length, salt, salt_length, iterations, &keys);
	text_base64(salt, salt_length, salt_text);
	text_base64(keys.stored, SCRAM_KEY, stored);
	text_base64(keys.server, SCRAM_KEY, server);
	OPENSSL_cleanse(&keys, sizeof(keys));
	snprintf(text, SCRAM_TEXT_SIZE, SCRAM_PREFIX "$%d:%s$%s:%s", iterations, salt_text, stored, server);
}

bool scram_make(
	const char *password, size_t length, int iterations, char text[SCRAM_TEXT_SIZE], struct error *err)
{
	unsigned char salt[SCRAM_SALT];
	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return error_set(err, ERROR_RETRY, "no random bytes for a password's salt");
	scram_format(password, length, salt, sizeof(salt), iterations, text);
	return true;
}

/* "md5" and the digest of password and name, as the server stores it. */
bool scram_md5_matches(const char *hash, const char *user, const char *password, size_t length)
{
	enum { MD5_BYTES = 16 };
	unsigned char digest[MD5_BYTES];
	char text[MD5_TEXT + 1] = "md5";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && is_md5(hash, strlen(hash)) && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
		EVP_DigestUpdate(context, password, length) == 1 &&
		EVP_DigestUpdate(context, user, strlen(user)) == 1 &&
		EVP_DigestFinal_ex(context, digest, NULL) == 1;
	EVP_MD_CTX_free(context);
	if (ok)
		text_hex(digest, MD5_BYTES, text + 3);
	ok = ok && CRYPTO_memcmp(text, hash, MD5_TEXT) == 0;
	OPENSSL_cleanse(digest, sizeof(digest));
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* The proof is ClientKey XOR HMAC(StoredKey, messages), and StoredKey the digest of ClientKey. */
bool scram_proves(
	const struct scram_verifier *verifier, const char *signed_text, size_t length, const char *proof)
{
	unsigned char client_key[2 * SCRAM_KEY], signature[SCRAM_KEY], stored[SCRAM_KEY];
	size_t size;
	if (!decode(proof, strlen(proof), client_key, SCRAM_KEY, &size) || size != SCRAM_KEY)
		return false;
	digest_hmac(verifier->stored_key, SCRAM_KEY, signed_text, length, signature);
	for (size_t i = 0; i < SCRAM_KEY; i++)
		client_key[i] ^= signature[i];
	digest_sha256(client_key, SCRAM_KEY, stored);
	OPENSSL_cleanse(client_key, sizeof(client_key));
	return CRYPTO_memcmp(stored, verifier->stored_key, SCRAM_KEY) == 0;
}

bool scram_nonce(char text[SCRAM_NONCE_SIZE])
{
	unsigned char bytes[SCRAM_SALT];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	text_base64(bytes, sizeof(bytes), text);
	return true;
}

bool scram_is_ascii(const char *password, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)password[i] >= 0x80)
			return false;
	return true;
}
