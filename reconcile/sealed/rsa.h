/*
 * rsa.h - what certificate.c, keys.c and format.c share of OpenSSL (inside this room only)
 */
#pragma once

#include <openssl/evp.h>

#include "base/digest.h"
#include "base/error.h"

/* ERROR_INVALID unless the key is RSA of an allowed size; sets `bits`. `source` names it. */
bool rsa_check(const EVP_PKEY *key, const char *source, int *bits, struct error *err) MUST_CHECK;

/* SHA-256 of the SubjectPublicKeyInfo. False when OpenSSL cannot encode it. */
bool rsa_fingerprint(const EVP_PKEY *key, char fingerprint[DIGEST_HEX_SIZE]) MUST_CHECK;

/* Big endian, as long as the key; free() it. */
unsigned char *rsa_modulus(const EVP_PKEY *key);

/* OpenSSL asks for pass phrases on the terminal unless it is told not to: an encrypted key is an error here. */
int rsa_no_passphrase(char *buffer, int size, int writing, void *context);
