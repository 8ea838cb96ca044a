/*
 * passed.h - what a directory holds and is not read
 *
 * Files that are no manifests are passed over without a word beside manifests. Where there is no manifest at all they are
 * the answer: a folder of *.jsonnet, or of folders without directory.recurse, wants something that is not understood,
 * which is not the same as wanting nothing. An empty folder does want nothing, and so does one with only hidden files;
 * one with only documents (README.md, LICENSE) too, with a warning.
 */
#pragma once

#include "reconcile/manifest/manifest.h"

enum passed_reason {
	PASSED_NAME,      /* neither *.yaml nor *.yml nor *.json */
	PASSED_CONTENT,   /* of another name, and its text is no manifest */
	PASSED_FILTER,    /* not of directory.include, or of directory.exclude */
	PASSED_FOLDER,    /* without directory.recurse */
	PASSED_SUBMODULE, /* another repository */
	PASSED_REASONS
};

enum { PASSED_NAMES = 5 };

struct passed {
	const char *names[PASSED_NAMES]; /* the first ones */
	size_t count;
	bool reasons[PASSED_REASONS];
	size_t documents;
};

/* `relative` is copied. */
void passed_add(struct passed *passed, const char *relative, enum passed_reason reason, struct arena *mem);

/* After the whole directory: a mistake of `place` when nothing was read because of this. */
void passed_judge(const struct passed *passed, const char *place, struct desired *desired);
