/*
 * trust.h - the certificates that this clone seals with: a pushed one takes no password before a person has named it
 *
 * pub-cert.pem comes with every pull, and whoever may push may put one of his own there, whose private key opens what is sealed next.
 * So a clone keeps the fingerprints that it has sealed with (`.git/pgitops/certificates`, one a line). The first one is taken as it is,
 * as ssh takes a host's, and said, unless Git's history has another key in that file before, or the cluster has told this user another one:
 * a fresh clone has no memory of its own. `pgitops seal cert` adds the cluster's, `pgitops seal cert --trust FINGERPRINT` one that a person
 * has compared. Any other is refused. A line that is taken out of that file is asked for again.
 *
 * That is asked of files of the checkout alone, which are what Git can change; a file is one when the way to it leads through the checkout,
 * for a link there is Git's, too. A file elsewhere, a URL and the cluster were chosen by whoever seals. Outside of a clone nothing is
 * kept. The fingerprint is of the key: a certificate issued anew for the same one is the same.
 */
#pragma once

#include "agent/hook/git.h"
#include "reconcile/sealed/certificate.h"

/* ERROR_DENIED with the next step when the file `path` of the checkout holds another key than those known. NULL = outside: true. */
bool trust_check(const struct checkout *checkout, const char *path, const char *fingerprint,
	struct arena *mem, struct error *err) MUST_CHECK;

/* Has this clone sealed with nothing yet, and is `path` a file of it? */
bool trust_is_new(const struct checkout *checkout, const char *path, struct arena *mem);

/* What to say when such a clone takes the certificate that Git brought: its key, and whose commit it is. NULL = nothing; to be asked
   before trust_note(). */
const char *trust_first(
	const struct checkout *checkout, const char *path, const char *fingerprint, struct arena *mem);

/* From now on it is known. `path` as above: what is no file of the checkout is not kept; NULL = kept in any case. */
bool trust_note(const struct checkout *checkout, const char *path, const char *fingerprint, struct arena *mem,
	struct error *err) MUST_CHECK;

/* A fingerprint as people copy it: 64 hexadecimal digits, whatever the case, with or without ':'. */
bool trust_read(const char *text, char fingerprint[DIGEST_HEX_SIZE], struct error *err) MUST_CHECK;
