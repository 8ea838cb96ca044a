/*
 * text.h - questions about strings that several rooms ask
 */
#pragma once

#include "base/base.h"

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* Shortest form only, no surrogates, at most U+10FFFF (RFC 3629). */
bool text_is_utf8(const char *bytes, size_t length);

/* Bytes of the character at `text`, 0 when the bytes there are none. Of a text that ends with NUL, `left` may be SIZE_MAX. */
size_t text_character(const char *text, size_t left, uint32_t *character);

/* What a terminal would obey, or show as something else than it is: control characters, line breaks too, zero widths, marks that turn
   the direction of writing. */
bool text_is_hidden(uint32_t character);

/* Shows bytes: those that are no UTF-8 as \xNN, everything else as it is. `out` holds 4 * strlen(text) + 1 bytes; how many were written. */
size_t text_escape(const char *text, char *out);

/* Makes foreign text fit for logs, terminals and JSON, in place: line breaks and tabs become blanks, what else is
   hidden (text_is_hidden()) and bytes that are no UTF-8 (a character cut in the middle, too) become '?'. */
void text_make_printable(char *text);

/* DNS-1123 label (at most 63) or subdomain (at most 253): what Kubernetes takes as a name. */
bool text_is_dns_label(const char *text);
bool text_is_dns_subdomain(const char *text);

/* Glob as Argo CD's directory include and exclude have it: `*` crosses '/', `?`, `[a-z]`, `{a,b}`. Work is
   bounded: a pattern over 1024 bytes or with more than 64 alternatives matches nothing. */
bool text_glob(const char *pattern, const char *text);

/* The same where '/' separates, as Argo CD matches repository URLs: `*` and `?` stop at it, `**` passes it. A text over 1024 bytes
   matches nothing. */
bool text_glob_path(const char *pattern, const char *text);

/* One of the patterns matches as text_glob() has it. */
bool text_glob_any(const char *const *patterns, size_t count, const char *text);

/* How many of its bytes fit into `maximum`, without a part of a character at the end. */
size_t text_fit(const char *text, size_t maximum);

/* Shortens it in place to `maximum` bytes, between characters: the beginning and the end stay, with " ... " between them. */
void text_shorten(char *text, size_t maximum);

/* Lower-case hex; `out` holds 2 * length + 1 bytes. */
void text_hex(const unsigned char *bytes, size_t length, char *out);

/* Standard base64 with padding. Encoding needs 4 * ((length + 2) / 3) + 1 bytes. */
void text_base64(const unsigned char *bytes, size_t length, char *out);

/* The six bits that a digit of standard base64 stands for; -1 = it is none. */
int text_base64_value(char c);

/* Strict: padding required, no white space. `out` holds length / 4 * 3 + 1 bytes and may be `text` itself; it
   gets a NUL after the bytes. False leaves it undefined. */
bool text_base64_decode(const char *text, size_t length, unsigned char *out, size_t *out_length) MUST_CHECK;

/* The word that `text` was probably meant to be, for "did you mean": at most two edits away (one for up to four
   characters), case ignored; NULL when none is near. */
const char *text_nearest(const char *text, const char *const *words, size_t count);

/* The end of a sentence about a word that is not known: ", did you mean \"NEAR\"?", or "" when `near` is NULL. */
enum { TEXT_HINT_SIZE = 96 };
const char *text_hint(const char *near, char hint[TEXT_HINT_SIZE]);

/* For qsort and bsearch over `const char *`. */
int text_compare(const void *a, const void *b);

/* By text_compare(), each text once. */
void text_sort_unique(const char **list, size_t *count);
bool text_is_listed(const char *const *list, size_t count, const char *text); /* in such a list */
