/*
 * json.h - the few things we want of jansson beyond what it has
 *
 * jansson is the JSON of the whole program: exact 64-bit integers, strict input, bounded depth. Everything that
 * is read goes through json_read(), so the flags and the maximum are the same everywhere.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"

/* Duplicate keys refused; ERROR_INVALID names line and column, never the text around them (it may be secret). */
bool json_read(const char *bytes, size_t length, json_t **value, struct error *err) MUST_CHECK;

/*
 * jansson refuses a string that is no UTF-8, and json_pack() answers NULL for the whole then, which a later step would abort
 * on. Names in a catalog, files, commits, headers and messages of servers are bytes, so in this program the two take any bytes: what is
 * no UTF-8 is shown as \xNN (text_escape()). json_string(NULL) is NULL, as it was; in json_pack() a NULL becomes null and "s*" leaves
 * the key out. Of its formats: { } [ ] s s* s# o O i I f b n.
 */
json_t *json_string_of_bytes(const char *text);
json_t *json_pack_bytes(const char *format, ...);
#define json_string json_string_of_bytes
#define json_pack json_pack_bytes

/*
 * json_dumps(), where what is not to be seen (text_is_hidden(): DEL, C1, marks that turn the direction of writing, line separators) is written as
 * \uXXXX beside what JSON itself asks for. The value is the same to every reader of JSON; a terminal obeys none of it; and a reader of YAML, which
 * the API server is to a body of server-side apply, does not refuse it, or take U+0085 for a line break. The caller frees it; NULL for a NULL.
 */
char *json_written(const json_t *value, size_t flags);

/* Compact, keys sorted: equal values give equal bytes. The caller frees it. Other characters are raw UTF-8. NULL gives "null". */
char *json_canonical(const json_t *value);

/* "a.b.c" through objects; NULL when a step is missing. A key with a dot cannot be reached this way. Borrowed. */
json_t *json_at(const json_t *value, const char *path);

/* The string there, or `fallback` when it is missing or no string. Borrowed. */
const char *json_text_at(const json_t *value, const char *path, const char *fallback);
int64_t json_number_at(const json_t *value, const char *path, int64_t fallback);
bool json_bool_at(const json_t *value, const char *path, bool fallback);

/* null, "", 0, false, [], {}: what Go leaves out or writes for a zero value, and NULL. Objects that hold nothing else are one, too, as
   far as `depth` levels down. */
bool json_is_zero(const json_t *value, int depth);

/* Sets a string unless `text` is NULL or "" (an absent field is what Kubernetes means by empty). */
void json_set_text(json_t *object, const char *key, const char *text);

/* json_string() where NULL gives "". A new reference. */
json_t *json_text(const char *text);

/* Object under `key`, made when missing. Borrowed. */
json_t *json_make_object(json_t *object, const char *key);

/* for CLEANUP */
void json_done(json_t **value);
