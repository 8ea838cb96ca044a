#include "reconcile/sealed/rsa.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "reconcile/sealed/certificate.h"

bool rsa_check(const EVP_PKEY *key, const char *source, int *bits, struct error *err)
{
	if (!EVP_PKEY_is_a(key, "RSA"))
		return error_set(err, ERROR_INVALID,
			"%s: its key is not an RSA key; Sealed Secrets seals with RSA only", source);
	int size = EVP_PKEY_get_bits(key);
	if (size < CERTIFICATE_BITS_MIN)
		return error_set(err, ERROR_INVALID,
			"%s: RSA key of %d bits is too weak, at least %d are needed; let the controller make a new key",
			source, size, CERTIFICATE_BITS_MIN);
	if (size > CERTIFICATE_BITS_MAX)
		return error_set(err, ERROR_INVALID, "%s: RSA key of %d bits is larger than %d", source, size,
			CERTIFICATE_BITS_MAX);
	*bits = size;
	return true;
}

bool rsa_fingerprint(const EVP_PKEY *key, char fingerprint[DIGEST_HEX_SIZE])
{
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);
	if (length <= 0) {
		ERR_clear_error();
		return false;
	}
	digest_sha256_hex(der, (size_t)length, fingerprint);
	OPENSSL_free(der);
	return true;
}

int rsa_no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}
