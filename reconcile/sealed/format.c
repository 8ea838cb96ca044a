#include "reconcile/sealed/format.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { SESSION_KEY_SIZE = 32, TAG_SIZE = 16, NONCE_SIZE = 12, RSA_BLOCK_MAX = CERTIFICATE_BITS_MAX / 8 };

static const char *const scope_names[] = {"strict", "namespace-wide", "cluster-wide"};

const char *sealed_scope_name(enum sealed_scope scope)
{
	return scope_names[scope];
}

bool sealed_scope_parse(const char *text, enum sealed_scope *scope)
{
	for (size_t i = 0; i < COUNT_OF(scope_names); i++)
		if (strcmp(text, scope_names[i]) == 0) {
			*scope = (enum sealed_scope)i;
			return true;
		}
	return false;
}

bool sealed_label(enum sealed_scope scope, const char *namespace, const char *name,
	char label[SEALED_LABEL_SIZE], struct error *err)
{
	int length = 0;
	if (scope != SCOPE_CLUSTER && (!namespace || !*namespace))
		return error_set(err, ERROR_INVALID,
			"secret must declare a namespace: the %s scope binds the value to it (metadata.namespace or "
			"--namespace)",
			scope_names[scope]);
	if (scope == SCOPE_STRICT && (!name || !*name))
		return error_set(err, ERROR_INVALID,
			"missing metadata.name: the strict scope binds the value to it (metadata.name or --name)");
	if (scope == SCOPE_STRICT)
		length = snprintf(label, SEALED_LABEL_SIZE, "%s/%s", namespace, name);
	else
		length = snprintf(label, SEALED_LABEL_SIZE, "%s", scope == SCOPE_NAMESPACE ? namespace : "");
	if (length < 0 || length >= SEALED_LABEL_SIZE)
		return error_set(err, ERROR_INVALID, "namespace and name together are longer than %d bytes",
			SEALED_LABEL_SIZE - 1);
	return true;
}

static bool openssl_failed(struct error *err, const char *what)
{
	char reason[128] = "no reason given";
	unsigned long code = ERR_get_error();
	if (code)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	return error_set(err, ERROR_BUG, "OpenSSL cannot %s: %s", what, reason);
}

/* A context for OAEP with SHA-256 for both hashes and this label. MGF1's hash is set as well: providers differ in whether
   it follows. An empty label is not set at all: OpenSSL before 3.2 refuses it. */
static EVP_PKEY_CTX *oaep_context(EVP_PKEY *key, const char *label, bool sealing)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	char mode[] = OSSL_PKEY_RSA_PAD_MODE_OAEP, hash[] = "SHA256", copy[SEALED_LABEL_SIZE];
	size_t length = strlen(label);
	memcpy(copy, label, length + 1);
	OSSL_PARAM parameters[5], *next = parameters;
	*next++ = OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, mode, 0);
	*next++ = OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, hash, 0);
	*next++ = OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, hash, 0);
	if (length)
		*next++ = OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, copy, length);
	*next = OSSL_PARAM_construct_end();
	if (context &&
		(sealing ? EVP_PKEY_encrypt_init_ex(context, parameters)
			 : EVP_PKEY_decrypt_init_ex(context, parameters)) == 1)
		return context;
	EVP_PKEY_CTX_free(context);
	return NULL;
}

static bool wrap_session_key(EVP_PKEY *key, const char *label, const unsigned char session[SESSION_KEY_SIZE],
	unsigned char *block, size_t size)
{
	EVP_PKEY_CTX *context = oaep_context(key, label, true);
	size_t length = size;
	bool ok = context && EVP_PKEY_encrypt(context, block, &length, session, SESSION_KEY_SIZE) == 1 &&
		length == size;
	EVP_PKEY_CTX_free(context);
	return ok;
}

static bool gcm_seal(const unsigned char *session, const void *bytes, size_t length, unsigned char *out)
{
	static const unsigned char nonce[NONCE_SIZE];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0, rest = 0;
	bool ok = context && EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), session, nonce, NULL) == 1 &&
		(length == 0 || EVP_EncryptUpdate(context, out, &done, bytes, (int)length) == 1) &&
		EVP_EncryptFinal_ex(context, out + done, &rest) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + length) == 1;
	EVP_CIPHER_CTX_free(context);
	return ok;
}

bool sealed_value_seal(const struct certificate *certificate, const char *label, const void *bytes,
	size_t length, struct buf *out, struct error *err)
{
	if (length > SEALED_VALUE_MAX)
		return error_set(err, ERROR_INVALID,
			"a value of %zu bytes is larger than a Secret may be (%d)", length, SEALED_VALUE_MAX);
	size_t block = (size_t)EVP_PKEY_get_size(certificate->key);
	size_t size = block + length + SEALED_OVERHEAD;
	CLEANUP(memory_freep) unsigned char *raw = memory_alloc(size);
	CLEANUP(memory_freep) char *text = memory_alloc(4 * ((size + 2) / 3) + 1);
	unsigned char session[SESSION_KEY_SIZE];
	if (RAND_bytes(session, sizeof(session)) != 1)
		return openssl_failed(err, "make a session key");
	raw[0] = (unsigned char)(block >> 8);
	raw[1] = (unsigned char)(block & 0xff);
	bool ok = wrap_session_key(certificate->key, label, session, raw + 2, block) &&
		gcm_seal(session, bytes, length, raw + 2 + block);
	OPENSSL_cleanse(session, sizeof(session));
	if (!ok)
		return openssl_failed(err, "seal the value");
	text_base64(raw, size, text);
	buf_text(out, text);
	return !buf_failed(out) ||
		error_set(err, ERROR_INVALID, "the sealed value does not fit into %zu bytes", out->maximum);
}

/* Base64 as Go's decoder takes it: line breaks anywhere are passed over, nothing else is. */
static bool decode(const char *text, size_t length, unsigned char **raw, size_t *raw_length)
{
	if (length > SEALED_TEXT_MAX)
		return false;
	char *packed = memory_alloc(length + 4);
	size_t used = 0;
	for (size_t i = 0; i < length; i++)
		if (text[i] != '\r' && text[i] != '\n')
			packed[used++] = text[i];
	if (!text_base64_decode(packed, used, (unsigned char *)packed, raw_length)) {
		free(packed);
		return false;
	}
	*raw = (unsigned char *)packed;
	return true;
}

/* The session key must be 32 bytes: kubeseal never writes another length. OpenSSL wants room for the whole modulus. */
static bool unwrap_session_key(EVP_PKEY *key, const char *label, const unsigned char *block, size_t size,
	unsigned char session[SESSION_KEY_SIZE])
{
	unsigned char plain[RSA_BLOCK_MAX];
	size_t length = sizeof(plain);
	EVP_PKEY_CTX *context = oaep_context(key, label, false);
	bool ok = context && EVP_PKEY_decrypt(context, plain, &length, block, size) == 1 &&
		length == SESSION_KEY_SIZE;
	if (ok)
		memcpy(session, plain, SESSION_KEY_SIZE);
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_PKEY_CTX_free(context);
	return ok;
}

/* Nothing is given out before the tag was found right. */
static bool gcm_open(
	const unsigned char *session, const unsigned char *bytes, size_t length, struct secret *value)
{
	static const unsigned char nonce[NONCE_SIZE];
	unsigned char tag[TAG_SIZE];
	size_t plain = length - TAG_SIZE;
	struct secret opened = {.bytes = memory_alloc(plain + 1), .length = plain};
	unsigned char *out = (unsigned char *)opened.bytes;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0, rest = 0;
	memcpy(tag, bytes + plain, TAG_SIZE);
	bool ok = context && EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), session, nonce, NULL) == 1 &&
		(plain == 0 || EVP_DecryptUpdate(context, out, &done, bytes, (int)plain) == 1) &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
		EVP_DecryptFinal_ex(context, out + done, &rest) == 1;
	EVP_CIPHER_CTX_free(context);
	if (!ok) {
		secret_done(&opened);
		return false;
	}
	secret_done(value);
	*value = opened;
	return true;
}

/* One key, one value; the error queue is emptied, or a later TLS call would report our failed try. */
static bool open_with(
	EVP_PKEY *key, const char *label, const unsigned char *raw, size_t length, struct secret *value)
{
	unsigned char session[SESSION_KEY_SIZE];
	size_t block = (size_t)raw[0] << 8 | raw[1];
	bool ok = (size_t)EVP_PKEY_get_size(key) == block &&
		unwrap_session_key(key, label, raw + 2, block, session);
	if (ok) {
		ok = gcm_open(session, raw + 2 + block, length - 2 - block, value);
		OPENSSL_cleanse(session, sizeof(session));
	}
	ERR_clear_error();
	return ok;
}

static bool fail(enum sealed_failure why, enum sealed_failure *failure, struct error *err)
{
	static const char *const texts[] = {
		[SEALED_NOT_BASE64] = "illegal base64 data: the value is not what kubeseal or pgitops wrote",
		[SEALED_TOO_SHORT] = "SealedSecret data is too short: the value was cut",
		[SEALED_NO_KEY] = "no key could decrypt secret",
	};
	if (failure)
		*failure = why;
	return error_set(err, ERROR_INVALID, "%s", texts[why]);
}

bool sealed_value_open(const struct sealing_keys *keys, const char *label, const char *text, size_t length,
	struct secret *value, size_t *which, enum sealed_failure *failure, struct error *err)
{
	CLEANUP(memory_freep) unsigned char *raw = NULL;
	size_t size = 0;
	if (!decode(text, length, &raw, &size))
		return fail(SEALED_NOT_BASE64, failure, err);
	if (size < 2 || size < ((size_t)raw[0] << 8 | raw[1]) + SEALED_OVERHEAD)
		return fail(SEALED_TOO_SHORT, failure, err);
	size_t first = keys->count ? atomic_load_explicit(keys->recent, memory_order_relaxed) : 0;
	for (size_t i = 0; i < keys->count; i++) {
		size_t at = i == 0 ? first : i <= first ? i - 1 : i;
		if (!open_with(keys->items[at].key, label, raw, size, value))
			continue;
		atomic_store_explicit(keys->recent, at, memory_order_relaxed);
		if (which)
			*which = at;
		return true;
	}
	return fail(SEALED_NO_KEY, failure, err);
}

bool sealed_value_inspect(const char *text, size_t length, const struct certificate *certificate,
	struct sealed_shape *shape, struct error *err)
{
	CLEANUP(memory_freep) unsigned char *raw = NULL;
	size_t size = 0;
	if (!decode(text, length, &raw, &size))
		return fail(SEALED_NOT_BASE64, NULL, err);
	size_t block = size < 2 ? 0 : (size_t)raw[0] << 8 | raw[1];
	if (size < 2 || block < CERTIFICATE_BITS_MIN / 16 || size < block + SEALED_OVERHEAD)
		return fail(SEALED_TOO_SHORT, NULL, err);
	*shape = (struct sealed_shape){
		.rsa_bytes = block,
		.value_bytes = size - block - SEALED_OVERHEAD,
		.other_certificate = certificate &&
			((size_t)EVP_PKEY_get_size(certificate->key) != block ||
				memcmp(raw + 2, certificate->modulus, block) >= 0),
	};
	return true;
}
