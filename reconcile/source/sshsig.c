#include "reconcile/source/sshsig.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"

#define BEGIN "-----BEGIN SSH SIGNATURE-----"
#define END "-----END SSH SIGNATURE-----"

static const char magic[6] = {'S', 'S', 'H', 'S', 'I', 'G'};

enum { SIGNED_BYTES = 4096, RSA_BITS = 2048, ED25519_KEY = 32, ED25519_SIGNATURE = 64 };

/* ---- ssh's wire format ---- */

struct wire {
	const unsigned char *at;
	size_t left;
	bool failed;
};

struct bytes {
	const unsigned char *data;
	size_t length;
};

static uint32_t take_number(struct wire *wire)
{
	if (wire->failed || wire->left < 4) {
		wire->failed = true;
		return 0;
	}
	const unsigned char *c = wire->at;
	wire->at += 4;
	wire->left -= 4;
	return (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
}

static struct bytes take_bytes(struct wire *wire, size_t length)
{
	if (wire->failed || wire->left < length) {
		wire->failed = true;
		return (struct bytes){(const unsigned char *)"", 0};
	}
	struct bytes taken = {wire->at, length};
	wire->at += length;
	wire->left -= length;
	return taken;
}

static struct bytes take_string(struct wire *wire)
{
	return take_bytes(wire, take_number(wire));
}

static bool is_text(struct bytes bytes, const char *text)
{
	return bytes.length == strlen(text) && memcmp(bytes.data, text, bytes.length) == 0;
}

static void put_string(struct buf *buf, const void *data, size_t length)
{
	const unsigned char head[4] = {(unsigned char)(length >> 24), (unsigned char)(length >> 16),
		(unsigned char)(length >> 8), (unsigned char)length};
	buf_append(buf, head, sizeof(head));
	buf_append(buf, data, length);
}

/* ---- reading ---- */

static bool refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_INVALID, "its ssh signature %s", why);
}

/* What stands between the two lines, without line ends. */
static bool unarmour(const char *text, size_t length, struct arena *mem, struct bytes *out)
{
	char *copy = arena_copy_n(mem, text, length);
	char *begin = strstr(copy, BEGIN), *end = begin ? strstr(begin, END) : NULL;
	size_t kept = 0, decoded;
	if (!end)
		return false;
	begin += strlen(BEGIN);
	for (const char *c = begin; c < end; c++)
		if (!strchr(" \t\r\n", *c))
			begin[kept++] = *c;
	if (!text_base64_decode(begin, kept, (unsigned char *)begin, &decoded))
		return false;
	*out = (struct bytes){(unsigned char *)begin, decoded};
	return true;
}

static void set_fingerprint(struct sshsig *sig)
{
	unsigned char digest[DIGEST_SIZE];
	char text[4 * ((DIGEST_SIZE + 2) / 3) + 1];
	digest_sha256(sig->key, sig->key_length, digest);
	text_base64(digest, sizeof(digest), text);
	snprintf(sig->fingerprint, sizeof(sig->fingerprint), "SHA256:%.*s", (int)strcspn(text, "="), text);
}

bool sshsig_read(const char *text, size_t length, struct arena *mem, struct sshsig *sig, struct error *err)
{
	struct bytes raw;
	if (!unarmour(text, length, mem, &raw))
		return refuse(err, "cannot be read");
	struct wire wire = {raw.data, raw.length, false};
	struct bytes head = take_bytes(&wire, sizeof(magic));
	uint32_t version = take_number(&wire);
	struct bytes key = take_string(&wire), namespace = take_string(&wire);
	(void)take_string(&wire); /* reserved */
	struct bytes hash = take_string(&wire), signature = take_string(&wire);
	if (wire.failed || wire.left || memcmp(head.data, magic, sizeof(magic)) != 0 || version != 1)
		return refuse(err, "cannot be read");
	if (!is_text(namespace, "git"))
		return refuse(err, "was made for something else than Git");
	if (!is_text(hash, "sha256") && !is_text(hash, "sha512"))
		return refuse(err, "uses an unknown digest");
	*sig = (struct sshsig){
		.key = key.data,
		.key_length = key.length,
		.signature = signature.data,
		.signature_length = signature.length,
		.hash = is_text(hash, "sha256") ? "sha256" : "sha512",
	};
	set_fingerprint(sig);
	return true;
}

/* ---- keys ---- */

static EVP_PKEY *make_key(const char *kind, OSSL_PARAM_BLD *fields)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(fields);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	if (!params || !context || EVP_PKEY_fromdata_init(context) <= 0 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *read_ed25519(struct wire *wire)
{
	struct bytes point = take_string(wire);
	if (point.length != ED25519_KEY)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.length);
}

static EVP_PKEY *read_rsa(struct wire *wire)
{
	struct bytes exponent = take_string(wire), modulus = take_string(wire);
	BIGNUM *e = BN_bin2bn(exponent.data, (int)exponent.length, NULL);
	BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.length, NULL);
	OSSL_PARAM_BLD *fields = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	if (e && n && fields && BN_num_bits(n) >= RSA_BITS && BN_num_bits(n) <= 16384 &&
		OSSL_PARAM_BLD_push_BN(fields, OSSL_PKEY_PARAM_RSA_N, n) &&
		OSSL_PARAM_BLD_push_BN(fields, OSSL_PKEY_PARAM_RSA_E, e))
		key = make_key("RSA", fields);
	OSSL_PARAM_BLD_free(fields);
	BN_free(e);
	BN_free(n);
	return key;
}

static EVP_PKEY *read_ecdsa(struct wire *wire)
{
	static const struct {
		const char *name, *group;
	} curves[] = {{"nistp256", "P-256"}, {"nistp384", "P-384"}, {"nistp521", "P-521"}};
	struct bytes curve = take_string(wire), point = take_string(wire);
	EVP_PKEY *key = NULL;
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		if (!is_text(curve, curves[i].name))
			continue;
		OSSL_PARAM_BLD *fields = OSSL_PARAM_BLD_new();
		if (fields &&
			OSSL_PARAM_BLD_push_utf8_string(fields, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group,
				strlen(curves[i].group)) &&
			OSSL_PARAM_BLD_push_octet_string(
				fields, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.length))
			key = make_key("EC", fields);
		OSSL_PARAM_BLD_free(fields);
	}
	return key;
}

/* ---- signatures ---- */

/* What OpenSSL is asked. */
struct check {
	EVP_PKEY *key;
	const char *digest; /* NULL for ed25519, which has its own */
	const unsigned char *signature;
	size_t signature_length;
	const unsigned char *bytes;
	size_t length;
};

static bool holds(const struct check *check)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context &&
		EVP_DigestVerifyInit_ex(context, NULL, check->digest, NULL, NULL, check->key, NULL) == 1 &&
		EVP_DigestVerify(
			context, check->signature, check->signature_length, check->bytes, check->length) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

static bool verify_ed25519(struct check *check, struct wire *signature)
{
	struct bytes raw = take_string(signature);
	if (raw.length != ED25519_SIGNATURE || signature->left)
		return false;
	check->signature = raw.data;
	check->signature_length = raw.length;
	return holds(check);
}

static bool verify_rsa(struct check *check, struct wire *signature)
{
	struct bytes raw = take_string(signature);
	check->signature = raw.data;
	check->signature_length = raw.length;
	return !signature->left && holds(check);
}

/* ssh has two numbers where OpenSSL wants them in DER. */
static bool verify_ecdsa(struct check *check, struct wire *signature)
{
	struct bytes raw = take_string(signature);
	struct wire numbers = {raw.data, raw.length, signature->failed};
	struct bytes r = take_string(&numbers), s = take_string(&numbers);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *left = BN_bin2bn(r.data, (int)r.length, NULL), *right = BN_bin2bn(s.data, (int)s.length, NULL);
	unsigned char *der = NULL;
	bool good = false;
	if (!numbers.failed && !numbers.left && !signature->left && pair && left && right && r.length <= 67 &&
		s.length <= 67 && ECDSA_SIG_set0(pair, left, right)) {
		left = right = NULL; /* the pair's now */
		int size = i2d_ECDSA_SIG(pair, &der);
		check->signature = der;
		check->signature_length = size > 0 ? (size_t)size : 0;
		good = size > 0 && holds(check);
	}
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	BN_free(left);
	BN_free(right);
	return good;
}

/* A security key signs what it is asked for together with its own state (PROTOCOL.u2f). */
static bool verify_security_key(struct check *check, struct wire *signature, struct bytes application)
{
	CLEANUP(buf_done) struct buf bytes = BUF(SIGNED_BYTES);
	unsigned char digest[DIGEST_SIZE];
	struct bytes raw = take_string(signature), state = take_bytes(signature, 5);
	/* Bit 0 of the flags: somebody touched it. */
	if (raw.length != ED25519_SIGNATURE || signature->failed || signature->left || !(state.data[0] & 1))
		return false;
	digest_sha256(application.data, application.length, digest);
	buf_append(&bytes, digest, sizeof(digest));
	buf_append(&bytes, state.data, state.length);
	digest_sha256(check->bytes, check->length, digest);
	buf_append(&bytes, digest, sizeof(digest));
	check->signature = raw.data;
	check->signature_length = raw.length;
	check->bytes = (const unsigned char *)buf_string(&bytes);
	check->length = bytes.length;
	return holds(check);
}

/* Which key may come with which signature, and how the two are read. */
static const struct algorithm {
	const char *key, *signature, *digest;
	EVP_PKEY *(*read)(struct wire *wire);
	bool (*verify)(struct check *check, struct wire *signature); /* NULL = a security key */
} algorithms[] = {
	{"ssh-ed25519", "ssh-ed25519", NULL, read_ed25519, verify_ed25519},
	{"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", NULL, read_ed25519, NULL},
	{"ssh-rsa", "rsa-sha2-256", "SHA256", read_rsa, verify_rsa},
	{"ssh-rsa", "rsa-sha2-512", "SHA512", read_rsa, verify_rsa},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "SHA256", read_ecdsa, verify_ecdsa},
	{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "SHA384", read_ecdsa, verify_ecdsa},
	{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "SHA512", read_ecdsa, verify_ecdsa},
};

static const struct algorithm *find_algorithm(struct bytes key, struct bytes signature)
{
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (is_text(key, algorithms[i].key) && is_text(signature, algorithms[i].signature))
			return &algorithms[i];
	return NULL;
}

/* Not the message is signed, but its digest with the namespace: a signature for one thing is none for another. */
static void write_signed(const struct sshsig *sig, const void *bytes, size_t length, struct buf *out)
{
	unsigned char digest[SHA512_DIGEST_LENGTH];
	size_t size = SHA512_DIGEST_LENGTH;
	if (strcmp(sig->hash, "sha256") == 0) {
		digest_sha256(bytes, length, digest);
		size = DIGEST_SIZE;
	} else {
		SHA512(bytes, length, digest);
	}
	buf_append(out, magic, sizeof(magic));
	put_string(out, "git", strlen("git"));
	put_string(out, "", 0);
	put_string(out, sig->hash, strlen(sig->hash));
	put_string(out, digest, size);
}

bool sshsig_verify(const struct sshsig *sig, const void *bytes, size_t length, struct error *err)
{
	CLEANUP(buf_done) struct buf message = BUF(SIGNED_BYTES);
	struct wire key = {sig->key, sig->key_length, false};
	struct wire signature = {sig->signature, sig->signature_length, false};
	struct bytes key_type = take_string(&key), signature_type = take_string(&signature);
	const struct algorithm *algorithm = find_algorithm(key_type, signature_type);
	if (!algorithm)
		return refuse(err,
			"is of a kind that is not supported: use an ed25519, ecdsa or rsa key (with SHA-2)");
	write_signed(sig, bytes, length, &message);
	struct check check = {
		.key = algorithm->read(&key),
		.digest = algorithm->digest,
		.bytes = (const unsigned char *)buf_string(&message),
		.length = message.length,
	};
	struct bytes application = algorithm->verify ? (struct bytes){NULL, 0} : take_string(&key);
	bool good = check.key && !key.failed && !key.left && !signature.failed &&
		(algorithm->verify ? algorithm->verify(&check, &signature)
				   : verify_security_key(&check, &signature, application));
	bool usable = check.key != NULL;
	EVP_PKEY_free(check.key);
	if (good)
		return true;
	return refuse(
		err, usable ? "does not fit the commit" : "has a key that is too short or cannot be read");
}
