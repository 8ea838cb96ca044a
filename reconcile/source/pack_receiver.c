#include "reconcile/source/pack_receiver.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

enum { BAND_PACK = 1, BAND_PROGRESS = 2, BAND_FATAL = 3 };

static bool server_error(struct error *err, const char *text, size_t length)
{
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	int shown = length > 200 ? 200 : (int)length;
	bool missing =
		strstr(text, "not our ref") || strstr(text, "bad object") || strstr(text, "unknown object");
	return error_set(err, missing ? ERROR_MISSING : ERROR_RETRY, "the server says: %.*s", shown, text);
}

static bool take_pack(struct pack_receiver *receiver, const char *bytes, size_t length, struct error *err)
{
	if (git_indexer_append(receiver->indexer, bytes, length, &receiver->progress)) {
		/* Refused by GIT_OPT_SET_PACK_MAX_OBJECTS before the count is in `progress`, or a broken pack. */
		const git_error *last = git_error_last();
		if (last && last->message && strstr(last->message, "too many objects"))
			return error_set(err, ERROR_INVALID, "the repository has more than %d objects",
				LIMIT_PACK_OBJECTS);
		if (repository_too_large(err))
			return false;
		receiver->repository->suspect = true; /* it may be a base of a thin pack that is damaged here */
		return repository_error(err, ERROR_RETRY, "the server's pack is broken");
	}
	if (receiver->object_limit && receiver->progress.total_objects > receiver->object_limit) {
		receiver->too_many = true;
		return error_set(err, ERROR_INVALID, "the history in between is too long");
	}
	return true;
}

static bool take_shallow(struct pack_receiver *receiver, const char *line, struct error *err)
{
	git_oid id;
	bool cut = text_starts(line, "shallow ");
	const char *hex = cut ? line + 8 : text_starts(line, "unshallow ") ? line + 10 : NULL;
	if (!hex || !repository_read_id(hex, &id))
		return error_set(err, ERROR_RETRY, "the server's list of shallow commits is broken");
	repository_ids_remove(receiver->shallow, &id);
	if (cut)
		repository_ids_add(receiver->shallow, &id, receiver->repository->mem);
	return true;
}

static bool take_band(struct pack_receiver *receiver, const char *bytes, size_t length, struct error *err)
{
	if (!length)
		return error_set(err, ERROR_RETRY, "the server's answer is broken (a line without a band)");
	switch (bytes[0]) {
	case BAND_PACK:
		return take_pack(receiver, bytes + 1, length - 1, err);
	case BAND_PROGRESS:
		return true;
	case BAND_FATAL:
		return server_error(err, bytes + 1, length - 1);
	default:
		return error_set(err, ERROR_RETRY, "the server's answer is broken (band %d)", bytes[0]);
	}
}

static void begin_section(struct pack_receiver *receiver, const char *line)
{
	if (text_starts(line, "shallow-info"))
		receiver->section = PACK_SHALLOW;
	else if (text_starts(line, "packfile"))
		receiver->section = PACK_DATA;
	else
		receiver->section = PACK_OTHER;
}

static bool take_line(void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err)
{
	struct pack_receiver *receiver = context;
	if (kind != PKTLINE_DATA) {
		receiver->section = PACK_NONE;
		receiver->finished = receiver->finished || kind != PKTLINE_DELIMITER;
		return true;
	}
	switch (receiver->section) {
	case PACK_NONE:
		if (text_starts(bytes, "ERR "))
			return server_error(err, bytes + 4, length - 4);
		begin_section(receiver, bytes);
		return true;
	case PACK_SHALLOW:
		return take_shallow(receiver, bytes, err);
	case PACK_DATA:
		return take_band(receiver, bytes, length, err);
	default:
		return true;
	}
}

bool pack_receiver_start(struct pack_receiver *receiver, struct repository *repository,
	struct repository_ids *shallow, size_t object_limit, struct error *err)
{
	const char *path = arena_printf(repository->mem, "%s/objects/pack", repository->path);
	*receiver = (struct pack_receiver){
		.repository = repository,
		.shallow = shallow,
		.object_limit = object_limit,
		.lines = PKTLINE_READER(take_line, receiver),
	};
	/* The object database completes thin packs. */
	if (git_indexer_new(&receiver->indexer, path, 0, repository->odb, NULL))
		return repository_error(err, ERROR_RETRY, "cannot write a pack");
	return true;
}

bool pack_receiver_feed(void *context, const char *bytes, size_t size, struct error *err)
{
	struct pack_receiver *receiver = context;
	return pktline_feed(&receiver->lines, bytes, size, err);
}

bool pack_receiver_commit(struct pack_receiver *receiver, struct error *err)
{
	if (!receiver->finished || !pktline_at_rest(&receiver->lines))
		return error_set(err, ERROR_RETRY, "the server's answer was cut in the middle of the pack");
	if (git_indexer_commit(receiver->indexer, &receiver->progress)) {
		if (repository_too_large(err))
			return false;
		receiver->repository->suspect = true;
		return repository_error(err, ERROR_RETRY, "the server's pack is broken");
	}
	if (git_odb_refresh(receiver->repository->odb))
		return repository_error(err, ERROR_RETRY, "cannot read the new pack");
	return true;
}

void pack_receiver_done(struct pack_receiver *receiver)
{
	git_indexer_free(receiver->indexer);
	receiver->indexer = NULL;
	pktline_done(&receiver->lines);
}
