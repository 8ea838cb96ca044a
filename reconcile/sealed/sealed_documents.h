/*
 * sealed_documents.h - the documents of a sealed text (part of sealed_users.h)
 */
#pragma once

#include "reconcile/sealed/sealed_users.h"
#include "reconcile/sealed/splice.h"

/* One document of the sealed text. */
struct sealed_document {
	size_t start;     /* in the text */
	const char *text; /* with its marker line */
	size_t length;
	const char *name; /* of a SealedSecret in the users' namespace, NULL = something else: kept as it is */
	const struct yaml_node *root;  /* NULL = nobody's, or known by its lines (sealed_written.h) */
	const struct yaml_pair *value; /* spec.encryptedData.<item> as it was, NULL = none */
	const char *sealed;            /* the same as it is now; NULL = none */
	bool written;                  /* `text` is ours, in `mem` */
	struct sealed_document *next;  /* in the order of the file */
};

/* A sealed text as it was read for one namespace and item. */
struct sealed_parse {
	const char *namespace, *item;
	struct sealed_document *first, *last;
	struct splice places;
	struct sealed_document **by_name; /* the SealedSecrets, sorted by name */
	size_t named;
};

/* What is being read: `parse` gets it. */
struct sealed_reading {
	const struct sealed_users_input *input;
	struct arena *mem;
	struct mistakes *mistakes;
	struct sealed_parse *parse;
};

/* False with mistakes. A text that was read for the same namespace and item already (`input->parse`) is not read again. */
bool sealed_documents_read(const struct sealed_reading *reading) MUST_CHECK;

/* `after` NULL = at the end. */
void sealed_documents_append(
	struct sealed_parse *parse, struct sealed_document *document, struct sealed_document *after);

/* NULL = none. */
struct sealed_document *sealed_documents_find(const struct sealed_parse *parse, const char *name);
