/*
 * keys.h - sealing private keys: PEM files, the controller's key Secrets, folders and Lists of them
 *
 * All keys that were read are tried, the one that fitted last first: a value does not say which key sealed it, and each try
 * costs a private operation. The key bytes stay inside OpenSSL and are freed with sealing_keys_done().
 */
#pragma once

#include "reconcile/mistake.h"
#include "reconcile/sealed/certificate.h"

#include <stdatomic.h>

#include "base/json.h"

#define SEALING_KEY_LABEL "sealedsecrets.bitnami.com/sealed-secrets-key"

struct sealing_key {
	struct evp_pkey_st *key;
	char *source;                      /* file, or "Secret namespace/name" */
	char fingerprint[DIGEST_HEX_SIZE]; /* as certificate.fingerprint of its certificate */
	int bits;
	int64_t not_before; /* of the certificate that came with it; 0 = none did */
	int64_t not_after;
	bool foreign_certificate; /* the certificate beside it belongs to another key */
};

struct sealing_keys {
	struct sealing_key *items; /* in the order in which they were read */
	size_t count;
	atomic_size_t *recent; /* the one that opened the last value: most often it opens the next one too */
};

/* PEM (the first private key counts), a Secret with tls.key (YAML or JSON), or a List of such Secrets. A key that is there
   already is not added again. ERROR_INVALID names `source` and what it holds instead, never its content. */
bool sealing_keys_add(struct sealing_keys *keys, const char *source, const char *bytes, size_t length,
	struct error *err) MUST_CHECK;
bool sealing_keys_add_file(struct sealing_keys *keys, const char *path, struct error *err) MUST_CHECK;

/* One key Secret, or a List of them, as the API server gives it. */
bool sealing_keys_add_object(
	struct sealing_keys *keys, const char *source, const json_t *object, struct error *err) MUST_CHECK;

/* Every file of the folder by name (certificates, hidden files and folders are passed over); what cannot be read is skipped
   and stands in `problems`, so one broken file does not lock out the others. False only when the folder cannot be read. */
bool sealing_keys_add_folder(struct sealing_keys *keys, const char *folder, struct mistakes *problems,
	struct error *err) MUST_CHECK;

void sealing_keys_done(struct sealing_keys *keys); /* for CLEANUP */
