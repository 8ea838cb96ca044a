/*
 * sealed_secret.h - Secret to SealedSecret and back, as kubeseal and the controller do it
 *
 * Sealing keeps the Secret's whole metadata, type and immutable in spec.template; the scope stands in the annotations of
 * both. Opening takes the scope from the SealedSecret's own metadata and supports no templates: spec.template.data is not
 * covered by any seal, and rendering it makes an oracle of whoever does.
 */
#pragma once

#include "reconcile/manifest/yaml.h"
#include "reconcile/sealed/format.h"

#define SEALED_GROUP "bitnami.com"
#define SEALED_VERSION "v1alpha1"
#define SEALED_KIND "SealedSecret"
#define SEALED_ANNOTATION_CLUSTER "sealedsecrets.bitnami.com/cluster-wide"
#define SEALED_ANNOTATION_NAMESPACE "sealedsecrets.bitnami.com/namespace-wide"
#define SEALED_ANNOTATION_NO_OWNER "sealedsecrets.bitnami.com/skip-set-owner-references"

struct seal_options {
	const char *name;      /* instead of the Secret's; NULL = the Secret's */
	const char *namespace; /* given on the command line: must agree with the Secret's; NULL = not given */
	const char *default_namespace; /* where the Secret names none and the scope needs one; NULL = none */
	bool scope_given;              /* `scope` replaces what the Secret's annotations say */
	enum sealed_scope scope;
	bool allow_empty; /* no data at all is no mistake */
};

/* One Secret as it stands in a file to a new SealedSecret (a new reference). `warnings` gets what is worth saying. */
bool sealed_secret_seal(const struct yaml_node *secret, const struct seal_options *options,
	const struct certificate *certificate, struct mistakes *warnings, json_t **sealed,
	struct error *err) MUST_CHECK;

/* Another place that a value could have been sealed for; used only to say why it does not open. */
struct sealed_place {
	const char *namespace, *name;
};

/* What a SealedSecret says of itself. Borrowed from the object. */
struct sealed_secret {
	const char *namespace, *name;
	enum sealed_scope scope;
	const json_t *values;   /* spec.encryptedData: every value is a string */
	const json_t *template; /* spec.template or NULL */
};

/* ERROR_INVALID when it is no SealedSecret that can be opened (wrong kind, no name, values that are no strings,
   spec.data of old versions). */
bool sealed_secret_read(const json_t *object, struct sealed_secret *sealed, struct error *err) MUST_CHECK;

/* Scope as the annotations say it; cluster-wide wins; only the exact value "true" counts. */
enum sealed_scope sealed_secret_scope(const json_t *metadata);

/* One value of it. When no key opens it, the text says for which of `places` it was sealed, if for any. */
bool sealed_secret_open_value(const struct sealed_secret *sealed, const char *item,
	const struct sealing_keys *keys, const struct sealed_place *places, size_t place_count,
	struct secret *value, size_t *which, struct error *err) MUST_CHECK;

/* The whole Secret, as the controller would create it, with its owner reference when `owner` (the SealedSecret came from
   the API server and has a uid). A new reference that must end with secret_json_done() (wipe.h). Every item that fails is
   named; then nothing is given out. */
bool sealed_secret_open(const json_t *object, const struct sealing_keys *keys, bool owner,
	const struct sealed_place *places, size_t place_count, json_t **secret, struct error *err) MUST_CHECK;
