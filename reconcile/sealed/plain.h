/*
 * plain.h - does a file that is about to be committed or pushed hold plain passwords?
 *
 * A positive test, no guessing by entropy: Secrets with data, users files with passwords (under any file name, inside
 * ConfigMaps and Lists too), the copy of a Secret that kubectl leaves in an annotation, and passwords that this clone's edit
 * file holds, raw or in base64, anywhere. A value never stands in a finding.
 */
#pragma once

#include "reconcile/mistake.h"

/* A password that must not appear anywhere. */
struct plain_known {
	const char *bytes;
	size_t length;
	const char *user;
};

enum { PLAIN_KNOWN_MIN = 8 }; /* a shorter password appears by chance */

struct plain_scan {
	const struct plain_known *known;
	size_t known_count;
	struct mistakes *findings; /* what is certain */
	struct mistakes *unsure;   /* looks like it, but cannot be read */
};

/* Appends what is found in one file; `path` names it. */
void plain_scan(const struct plain_scan *scan, const char *path, const char *bytes, size_t length);
