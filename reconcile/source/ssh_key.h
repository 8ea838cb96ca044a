/*
 * ssh_key.h - a private key as people have it, made into what libssh reads
 *
 * OpenSSH's own form, PEM (RSA, EC) and PKCS #8; lines that were joined, indented or ended otherwise are put right. An ed25519 key in
 * PKCS #8 is written in OpenSSH's form: libssh reads it and cannot sign with it, and ssh-keygen before 9.6 does not convert it.
 */
#pragma once

#include "base/buf.h"
#include "base/secret.h"

/* `pem` is wiped by the caller. ERROR_DENIED, with how to convert it, for what is no private key or nobody can use unattended. */
bool ssh_key_read(const struct secret *key, struct buf *pem, struct error *err) MUST_CHECK;
