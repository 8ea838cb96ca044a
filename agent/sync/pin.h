/*
 * pin.h - which content an operation or a preview is about: the newest, or another revision of some sources, or other sources
 */
#pragma once

#include "agent/agent.h"

struct pin {
	const json_t *source;                 /* instead of those of the spec (struct lookup); NULL = those */
	const char *revisions[LIMIT_SOURCES]; /* of each source; "" = what it names itself */
	size_t count;
	bool newest; /* it is what the Application's newest content has */
	char commit[LIMIT_SOURCES][COMMIT_SIZE];
};

/* What the request means for this Application. `revisions` of some sources become those of all, for everybody who reads the request
   afterwards. False with `why`, in `mem`. */
bool pin_request(const struct app *app, struct sync_request *request, struct arena *mem, struct pin *pin,
	const char **why) MUST_CHECK;

/* The sources that a request has instead of the spec's; NULL = none. */
const json_t *pin_source(const struct app *app, const struct sync_request *request);

/* It says itself what is to be synced: another revision than the Application's, another source, an entry of the history. So whether
   the newest commit can be used is no matter. */
bool pin_names_content(const struct app *app, const struct sync_request *request);
