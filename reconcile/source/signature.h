/*
 * signature.h - was a commit signed by somebody who may sign? (the Git process's side)
 *
 * The signature of the commit object itself is meant, whatever signs its tag. An ssh signature is judged here; a GPG
 * signature is only taken out, for gpgv, which the sandbox of this process would not let start.
 */
#pragma once

#include "reconcile/source/repository.h"
#include "reconcile/source/source.h"

struct signature {
	const char *signer; /* who, for people; NULL = gpgv has to say */
	const char *text;   /* the GPG signature */
	size_t text_length;
	const char *payload; /* what it was made over */
	size_t payload_length;
};

/* ERROR_INVALID: not signed, by nobody who may, or not as it should be; the text names the commit and the key. */
bool signature_check(const struct repository *repository, const git_oid *commit,
	const struct source_signers *signers, struct signature *signature, struct error *err) MUST_CHECK;
