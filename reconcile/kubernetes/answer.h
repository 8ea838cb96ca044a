/*
 * answer.h - what an answer of the API server means: its kind of error and a text for people (internal to the room)
 */
#pragma once

#include "base/error.h"
#include "base/json.h"

struct answer {
	const char *method;
	const char *path;   /* with query; the query is left out of texts */
	bool secret;        /* only reason and field names may be told */
	int status;         /* HTTP */
	const json_t *body; /* the Status object, NULL = none */
};

/* As json_read(), but a string may hold a NUL: anybody who may write one object could else make a list unreadable. Such a
   string ends there for whoever takes it as text. For the same reason an integer beyond 64 bits is read, as the double that it is to the
   server. */
bool answer_read(const char *bytes, size_t length, json_t **value, struct error *err) MUST_CHECK;

/* Sets kind and text for a status that is not 2xx. Returns false. */
bool answer_failure(const struct answer *answer, struct error *err);

/* Refused because something in it cannot be changed once it is there. */
bool answer_immutable(const json_t *body);
