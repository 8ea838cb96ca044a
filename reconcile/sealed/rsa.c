#include "reconcile/sealed/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/memory.h"
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

unsigned char *rsa_modulus(const EVP_PKEY *key)
{
	BIGNUM *number = NULL;
	int size = EVP_PKEY_get_size(key);
	unsigned char *modulus = memory_alloc((size_t)size);
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number) != 1 ||
		BN_bn2binpad(number, modulus, size) != size)
		memory_fail("an RSA key without modulus", (size_t)size);
	BN_free(number);
	return modulus;
}

int rsa_no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}
