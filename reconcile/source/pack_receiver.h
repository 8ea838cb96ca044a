/*
 * pack_receiver.h - the answer to protocol v2's `fetch`, taken apart as it comes (gitprotocol-v2(5))
 *
 * Lines about shallow commits change `shallow`; the pack goes to libgit2's indexer piece by piece and becomes part of
 * the repository with pack_receiver_commit() only.
 */
#pragma once

#include "reconcile/source/pktline.h"
#include "reconcile/source/repository.h"

enum pack_section { PACK_NONE, PACK_SHALLOW, PACK_DATA, PACK_OTHER };

struct pack_receiver {
	struct repository *repository;
	struct repository_ids *shallow;
	size_t object_limit; /* ends the transfer with `too_many`; 0 = LIMIT_PACK_OBJECTS, which is an error */
	bool too_many;
	bool finished; /* the final flush came */
	enum pack_section section;
	struct pktline_reader lines;
	struct git_indexer *indexer;
	struct git_indexer_progress progress;
};

bool pack_receiver_start(struct pack_receiver *receiver, struct repository *repository,
	struct repository_ids *shallow, size_t object_limit, struct error *err) MUST_CHECK;

/* An http_sink. */
bool pack_receiver_feed(void *receiver, const char *bytes, size_t size, struct error *err) MUST_CHECK;
bool pack_receiver_commit(struct pack_receiver *receiver, struct error *err) MUST_CHECK;
void pack_receiver_done(struct pack_receiver *receiver); /* removes what was not committed */
