#include "reconcile/sealed/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "reconcile/sealed/rsa.h"

#define DAY_MICROSECONDS (86400 * INT64_C(1000000))
#define SKEW_MICROSECONDS (300 * INT64_C(1000000))

static int64_t asn1_microseconds(const ASN1_TIME *time)
{
	struct tm parts;
	if (!ASN1_TIME_to_tm(time, &parts))
		return 0;
	return (int64_t)timegm(&parts) * 1000000;
}

/* The next PEM block: its type in `name`, its content in `data`. False at the end. */
static bool next_block(BIO *bio, char **name, char **header, unsigned char **data, long *length)
{
	*name = *header = NULL;
	*data = NULL;
	bool got = PEM_read_bio(bio, name, header, data, length) == 1;
	ERR_clear_error();
	return got;
}

static void free_block(char *name, char *header, unsigned char *data, long length)
{
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, (size_t)length);
}

/* What a PEM block of this type is to somebody who wanted to seal. */
static bool refuse_block(const char *source, const char *type, struct error *err)
{
	if (strstr(type, "PRIVATE KEY"))
		return error_set(err, ERROR_INVALID,
			"%s holds a PRIVATE KEY, not a certificate: keep it out of the repository and give the certificate "
			"(pub-cert.pem, `pgitops seal cert`)",
			source);
	return error_set(err, ERROR_INVALID,
		"%s holds \"%s\", not a certificate: give the controller's certificate "
		"(`pgitops seal cert`)",
		source, type);
}

static bool take(const char *source, X509 *x509, struct certificate *certificate, struct error *err)
{
	EVP_PKEY *key = X509_get0_pubkey(x509);
	if (!key) {
		ERR_clear_error();
		return error_set(err, ERROR_INVALID, "%s: the certificate's public key cannot be read", source);
	}
	struct certificate found = {
		.not_before = asn1_microseconds(X509_get0_notBefore(x509)),
		.not_after = asn1_microseconds(X509_get0_notAfter(x509)),
	};
	if (!rsa_check(key, source, &found.bits, err))
		return false;
	if (!found.not_after || !rsa_fingerprint(key, found.fingerprint) || !EVP_PKEY_up_ref(key))
		return error_set(
			err, ERROR_INVALID, "%s: the certificate's dates or key cannot be read", source);
	found.key = key;
	found.modulus = rsa_modulus(key);
	*certificate = found;
	return true;
}

/* Walks all blocks: each CERTIFICATE must parse, the first is taken. */
static bool read_blocks(const char *source, BIO *bio, struct certificate *certificate, struct error *err)
{
	struct certificate found = {0};
	char *name, *header;
	unsigned char *data;
	long length;
	bool ok = true;
	while (ok && next_block(bio, &name, &header, &data, &length)) {
		const unsigned char *at = data;
		X509 *x509 = NULL;
		if (strcmp(name, PEM_STRING_X509) != 0 || *header)
			ok = found.count > 0 && !strstr(name, "PRIVATE KEY") ? true
									     : refuse_block(source, name, err);
		else if (!(x509 = d2i_X509(NULL, &at, length)))
			ok = error_set(err, ERROR_INVALID, "%s: certificate %zu is damaged", source,
				found.count + 1);
		else if (found.count == 0)
			ok = take(source, x509, &found, err);
		if (x509)
			found.count++;
		X509_free(x509);
		free_block(name, header, data, length);
		ERR_clear_error();
	}
	if (ok && found.count == 0)
		ok = error_set(err, ERROR_INVALID,
			"%s holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\"): "
			"fetch it with `pgitops seal cert`",
			source);
	if (!ok) {
		certificate_done(&found);
		return false;
	}
	*certificate = found;
	return true;
}

bool certificate_read(const char *source, const char *bytes, size_t length, struct certificate *certificate,
	struct error *err)
{
	if (length > LIMIT_SECRET_FILE)
		return error_set(err, ERROR_INVALID, "%s is larger than %d bytes: this is no certificate",
			source, LIMIT_SECRET_FILE);
	BIO *bio = BIO_new_mem_buf(bytes, (int)length);
	if (!bio)
		return error_set(err, ERROR_BUG, "OpenSSL cannot make a memory BIO");
	bool ok = read_blocks(source, bio, certificate, err);
	BIO_free(bio);
	return ok;
}

bool certificate_read_file(const char *path, struct certificate *certificate, struct error *err)
{
	CLEANUP(buf_wipe)
	struct buf pem = BUF(LIMIT_SECRET_FILE); /* wiped: it may turn out to be a private key */
	return file_read(path, &pem, err) &&
		certificate_read(path, buf_string(&pem), pem.length, certificate, err);
}

bool certificate_valid(const struct certificate *certificate, const char *source, int64_t now, struct error *err)
{
	char when[CLOCK_TEXT_SIZE];
	if (now >= certificate->not_after) {
		clock_text_seconds(certificate->not_after, when);
		return error_set(err, ERROR_INVALID,
			"failed to encrypt using an expired certificate: %s expired on %s; fetch the current one with "
			"`pgitops seal cert`",
			source, when);
	}
	if (now + SKEW_MICROSECONDS < certificate->not_before) {
		clock_text_seconds(certificate->not_before, when);
		return error_set(err, ERROR_INVALID, "%s is valid only from %s: check this machine's clock",
			source, when);
	}
	return true;
}

int64_t certificate_days_left(const struct certificate *certificate, int64_t now)
{
	int64_t left = certificate->not_after - now;
	return left >= 0 ? left / DAY_MICROSECONDS : -((-left + DAY_MICROSECONDS - 1) / DAY_MICROSECONDS);
}

void certificate_done(struct certificate *certificate)
{
	EVP_PKEY_free(certificate->key);
	free(certificate->modulus);
	*certificate = (struct certificate){0};
}
