#include "reconcile/sealed/key_new.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/keys.h"

enum { SERIAL_BITS = 128 };

/* As Go's x509 writes them for the controller's template. */
static const struct {
	int nid;
	const char *value;
} extensions[] = {
	{NID_key_usage, "critical,encipherOnly"},
	{NID_basic_constraints, "critical,CA:TRUE"},
	{NID_subject_key_identifier, "hash"},
};

static bool take_serial(X509 *x509)
{
	BIGNUM *number = BN_new();
	bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
	return ok;
}

static bool take_names(X509 *x509, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(x509);
	if (cn && *cn &&
		X509_NAME_add_entry_by_NID(
			name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) != 1)
		return false;
	return X509_set_issuer_name(x509, name) == 1;
}

static bool take_extensions(X509 *x509)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	for (size_t i = 0; i < COUNT_OF(extensions); i++) {
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
		bool added = extension && X509_add_ext(x509, extension, -1) == 1;
		X509_EXTENSION_free(extension);
		if (!added)
			return false;
	}
	return true;
}

static bool fill(X509 *x509, EVP_PKEY *key, const struct sealing_key_wish *wish)
{
	time_t from = (time_t)(wish->now / 1000000);
	return X509_set_version(x509, X509_VERSION_3) == 1 && take_serial(x509) &&
		ASN1_TIME_set(X509_getm_notBefore(x509), from) &&
		ASN1_TIME_set(X509_getm_notAfter(x509), from + (time_t)wish->seconds) &&
		X509_set_pubkey(x509, key) == 1 && take_names(x509, wish->cn) && take_extensions(x509) &&
		X509_sign(x509, key, EVP_sha256()) > 0;
}

static bool write_certificate(EVP_PKEY *key, const struct sealing_key_wish *wish, struct buf *out)
{
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	bool ok = x509 && bio && fill(x509, key, wish) && PEM_write_bio_X509(bio, x509) == 1;
	long length = ok ? BIO_get_mem_data(bio, &text) : 0;
	if (ok)
		buf_append(out, text, (size_t)length);
	BIO_free(bio);
	X509_free(x509);
	return ok && !buf_failed(out);
}

/* In OpenSSL's secure memory where there is some; what is freed is overwritten in any case. */
static bool write_key(const EVP_PKEY *key, struct secret *pem)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	bool ok = bio && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	long length = ok ? BIO_get_mem_data(bio, &text) : 0;
	if (ok)
		secret_set(pem, text, (size_t)length);
	BIO_free(bio);
	return ok;
}

static bool check(const struct sealing_key_wish *wish, struct error *err)
{
	if (wish->bits < CERTIFICATE_BITS_MIN || wish->bits > CERTIFICATE_BITS_MAX)
		return error_set(err, ERROR_INVALID, "a sealing key has %d to %d bits, not %d",
			CERTIFICATE_BITS_MIN, CERTIFICATE_BITS_MAX, wish->bits);
	if (wish->seconds <= 0)
		return error_set(err, ERROR_INVALID, "the certificate has to be valid for some time");
	if (wish->cn && (strlen(wish->cn) > SEALING_KEY_CN || !text_is_utf8(wish->cn, strlen(wish->cn))))
		return error_set(
			err, ERROR_INVALID, "a common name is UTF-8 of at most %d bytes", SEALING_KEY_CN);
	return true;
}

bool sealing_key_make(
	const struct sealing_key_wish *wish, struct secret *key, struct buf *certificate, struct error *err)
{
	if (!check(wish, err))
		return false;
	EVP_PKEY *made = EVP_RSA_gen((unsigned)wish->bits);
	bool ok = made && write_certificate(made, wish, certificate) && write_key(made, key);
	EVP_PKEY_free(made);
	if (ok)
		return true;
	char why[256] = "no reason given";
	unsigned long code = ERR_get_error();
	if (code)
		ERR_error_string_n(code, why, sizeof(why));
	ERR_clear_error();
	return error_set(err, ERROR_RETRY, "OpenSSL makes no key: %s", why);
}

static json_t *encoded(const void *bytes, size_t length)
{
	char *text = memory_alloc(4 * ((length + 2) / 3) + 1);
	text_base64(bytes, length, text);
	json_t *value = json_string(text);
	explicit_bzero(text, strlen(text));
	free(text);
	return value;
}

json_t *sealing_key_secret(
	const char *namespace, const char *name, const struct secret *key, const struct buf *certificate)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:s, s:{s:o, s:o}}", "apiVersion", "v1", "kind",
		"Secret", "metadata", "name", name, "namespace", namespace, "labels", SEALING_KEY_LABEL,
		"active", "type", "kubernetes.io/tls", "data", "tls.crt",
		encoded(certificate->data, certificate->length), "tls.key", encoded(key->bytes, key->length));
}
