/*
 * allow.h - values that are meant to be public: what a refusal offers, and writing it down
 *
 * An entry names path, rule and fingerprint of the value (leak.h). Entries stand in .pgitops.yaml, reviewed like everything in Git, so that CI
 * and the server allow the same. Only those of known passwords stay in this clone (.git/pgitops/allow.yaml): nobody else looks for
 * them, and in Git such an entry would say which file holds somebody's password.
 */
#pragma once

#include "agent/hook/hooks.h"

/* "PATH:RULE:FINGERPRINT" of a finding. In `mem`. */
const char *allow_word(const struct finding *finding, struct arena *mem);

/* Adds the entries of such words, and takes those of earlier versions for the same path away. Comments and order stay. */
bool allow_write(struct hook *hook, size_t count, char **words, struct error *err) MUST_CHECK;

/* The clone's own entries, added to the layout. One that cannot be read is an error. */
bool allow_read(struct hook *hook, struct error *err) MUST_CHECK;
