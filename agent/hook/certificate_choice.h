/*
 * certificate_choice.h - which pub-cert.pem is meant where there are several
 *
 * The nearest one is: beside the edit file (or in the current folder), else in the folders above, up to the root. Two with the same key are no
 * choice. Where another of them, or the one that .pgitops.yaml names for the whole repository, holds another key, the choice is told: which was
 * taken, why, and what the other is; for what is sealed with the wrong one opens nowhere, and that shows only in the cluster. What was named
 * for this very purpose (--cert, `certificate` of an entry) was chosen by a person, and nothing is said.
 */
#pragma once

#include "agent/hook/layout.h"

enum { CERTIFICATE_CHOICES = 16 }; /* candidates that are looked at */

/* `taken`, of the key `fingerprint`, is sealed with. The first of `others` that holds another key is told of, in `mem`; NULL = none does.
   One that cannot be read is told of as that. */
const char *certificate_choice(struct arena *mem, const char *taken, const char *fingerprint,
	const char *const *others, size_t count);

/* The same for an entry of the layout, by what lies above its certificate. */
const char *certificate_choice_of(struct arena *mem, const struct layout_users *files, const char *fingerprint);
