/*
 * inspect.h - what is asked of a document before it is an object (internal to this room)
 *
 * Each question adds its mistakes with the place of the key or value; none quotes a value that may be secret.
 */
#pragma once

#include "reconcile/manifest/yaml.h"
#include "reconcile/object.h"

struct inspection {
	const char *file;
	struct mistakes *mistakes;
	struct mistakes *warnings;
	struct arena *mem; /* of the tree: gone when the file has been read */
};

/* apiVersion, kind and metadata. `version` and the parts of `key` point into the tree. False = no usable identity. */
bool inspect_identity(const struct inspection *inspection, const struct yaml_node *document,
	struct object_key *key, const char **version);

/* metadata.labels and metadata.annotations: texts only. */
void inspect_metadata(const struct inspection *inspection, const struct yaml_node *document);

/* ConfigMap and Secret: what the server would refuse in their values. */
void inspect_values(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document);

/* postgresql (acid.zalan.do): fields, types, and what the operator answers with silence or damage. */
void inspect_postgresql(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document);

/* The operator's configuration, as ConfigMap or OperatorConfiguration: settings that it does not know, values that it does not start with. */
void inspect_operator_config(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document);

/* The pair under a key, or NULL. */
const struct yaml_pair *inspect_pair(const struct yaml_node *map, const char *key);

/* "an integer", "a list", ... */
const char *inspect_article(enum yaml_kind kind);

/* Every value of the map is a text (or nothing): `what` names the map in the mistakes. */
void inspect_texts(const struct inspection *inspection, const struct yaml_pair *map, const char *what);

/* A ConfigMap or Secret in which the API server has nothing left to refuse. */
bool inspect_is_plain(const struct object_key *key, const json_t *value);
