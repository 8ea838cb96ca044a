/*
 * gpg.h - a GPG signature, judged by gpgv (the agent's side)
 *
 * gpgv is Debian's small verifier: no agent, no configuration, no network, no trust but in the keys it is given. It gets no
 * environment and all it needs as files in memory, and is killed at the deadline.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct gpg_question {
	const char *keys; /* a file of public keys as `gpg --export` writes them, armoured or not, or a folder of such */
	const char *signature;
	size_t signature_length;
	const char *payload;
	size_t payload_length;
	int64_t deadline; /* on the steady clock */
};

/* Who signed, for people, in `mem`. ERROR_INVALID: nobody who may, or not this; ERROR_MISSING: no gpgv on the PATH, or no
   such keys; ERROR_RETRY: no answer. */
bool gpg_verify(const struct gpg_question *question, struct arena *mem, const char **signer,
	struct error *err) MUST_CHECK;
