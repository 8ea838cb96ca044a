/*
 * sshsig.h - an ssh signature as `git commit -S` with gpg.format=ssh makes it (PROTOCOL.sshsig of OpenSSH)
 *
 * Verified over the exact bytes that were signed. Keys: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa of 2048 bits or
 * more with rsa-sha2-256/512, and ed25519 keys of security keys (sk-ssh-ed25519). Signatures with SHA-1 are none.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct sshsig {
	const unsigned char *key; /* the signer's, as it claims; in ssh's own format */
	size_t key_length;
	char fingerprint[64]; /* SHA256:... */
	/* for sshsig_verify() */
	const unsigned char *signature;
	size_t signature_length;
	const char *hash; /* sha256, sha512 */
};

/* The armoured text. ERROR_INVALID: it is none, or not of namespace "git". */
bool sshsig_read(
	const char *text, size_t length, struct arena *mem, struct sshsig *sig, struct error *err) MUST_CHECK;

/* Whether the key that is in it made it over these bytes. Whether that key may is another question. */
bool sshsig_verify(const struct sshsig *sig, const void *bytes, size_t length, struct error *err) MUST_CHECK;
