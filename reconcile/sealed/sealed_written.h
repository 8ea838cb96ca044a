/*
 * sealed_written.h - a document of a sealed file that is, byte by byte, as a new one is written (sealed_users.c)
 *
 * Of a thousand users one changes, and the other documents are what was written here before: their lines tell all that YAML would. Whatever
 * differs by a byte, a comment or another order, is read as YAML.
 */
#pragma once

#include "reconcile/sealed/splice.h"

/* Places in the document's text. */
struct sealed_written {
	struct span name, value;
};

/* `text` is one document, with its marker line or without. False when it is anything else, or of another namespace or item. */
bool sealed_written_read(const char *text, size_t length, const char *namespace, const char *item,
	struct sealed_written *found) MUST_CHECK;
