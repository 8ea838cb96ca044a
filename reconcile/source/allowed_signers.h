/*
 * allowed_signers.h - whose ssh keys may sign commits: the file of ssh-keygen(1), "ALLOWED SIGNERS"
 *
 * One key a line: PRINCIPALS [OPTIONS] TYPE KEY [COMMENT]. Of the options `namespaces` (Git signs in "git"),
 * `valid-after` and `valid-before` are honoured; certificate authorities are not supported and refuse the file, as does
 * any line that cannot be understood: a list that is half read is no list.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct allowed_signer {
	const char *principals;   /* "ada@example.org" */
	const unsigned char *key; /* in ssh's own format */
	size_t key_length;
	int64_t after, before; /* seconds since 1970; 0 = open */
	int line;
};

struct allowed_signers {
	struct allowed_signer *items;
	size_t count;
};

/* Keys that may not sign for Git are left out. ERROR_INVALID names the line. */
bool allowed_signers_read(
	const char *text, struct arena *mem, struct allowed_signers *signers, struct error *err) MUST_CHECK;

/* The line of this key that holds at `time` (of the commit); NULL with `*expired` when it holds at another time only. */
const struct allowed_signer *allowed_signers_find(const struct allowed_signers *signers,
	const unsigned char *key, size_t key_length, int64_t time, bool *expired);
