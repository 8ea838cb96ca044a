/*
 * fuzz_pktline.c - what a Git server sends: pkt-lines, the list of refs, the sections of a fetch with their pack
 *
 * The first byte says how large the pieces are. The indexer writes into a folder of its own under /tmp.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "reconcile/source/pack_receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena *mem;
static struct repository repository;
static char place[] = "/tmp/fuzz_pktline.XXXXXX";

static void remove_place(void)
{
	struct error err;
	repository_close(&repository);
	arena_free(mem);
	if (!file_remove_folder(place, &err))
		abort();
}

static void set_up(void)
{
	struct error err;
	struct url url;
	mem = arena_new((size_t)256 << 20);
	if (!mkdtemp(place) || !url_parse("https://h/db", mem, &url, &err) ||
		!repository_prepare(place, &url, mem, &repository, &err) || !repository_open(&repository, &err))
		abort();
	atexit(remove_place);
}

static bool touch(void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err)
{
	size_t *sum = context;
	(void)err;
	if (length > PKTLINE_MAXIMUM || bytes[length] || (kind != PKTLINE_DATA && length))
		abort();
	for (size_t i = 0; i < length; i++)
		*sum += (unsigned char)bytes[i];
	return true;
}

static bool feed_lines(void *reader, const char *bytes, size_t size, struct error *err)
{
	return pktline_feed(reader, bytes, size, err);
}

/* Any division into pieces gives the same. */
static bool feed(bool (*sink)(void *, const char *, size_t, struct error *), void *context, const char *bytes,
	size_t size, size_t piece)
{
	struct error err = {0};
	for (size_t at = 0; at < size; at += piece)
		if (!sink(context, bytes + at, size - at < piece ? size - at : piece, &err))
			return false;
	return true;
}

static void fuzz_lines(const char *bytes, size_t size, size_t piece)
{
	size_t sum = 0, whole = 0;
	struct pktline_reader pieces = PKTLINE_READER(touch, &sum);
	struct pktline_reader one = PKTLINE_READER(touch, &whole);
	bool ok = feed(feed_lines, &pieces, bytes, size, piece);
	if (size && ok != feed(feed_lines, &one, bytes, size, size))
		abort();
	if (sum != whole || (ok && pktline_at_rest(&pieces) != pktline_at_rest(&one)))
		abort();
	pktline_done(&pieces);
	pktline_done(&one);
}

static void fuzz_pack(const char *bytes, size_t size, size_t piece)
{
	struct pack_receiver receiver;
	struct repository_ids shallow = {0};
	struct error err = {0};
	if (!pack_receiver_start(&receiver, &repository, &shallow, 1000, &err))
		abort();
	if (feed(pack_receiver_feed, &receiver, bytes, size, piece) &&
		pack_receiver_commit(&receiver, &err) && !receiver.finished)
		abort();
	pack_receiver_done(&receiver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!mem)
		set_up();
	if (!size)
		return 0;
	size_t piece = (size_t)data[0] + 1;
	fuzz_lines((const char *)data + 1, size - 1, piece);
	fuzz_pack((const char *)data + 1, size - 1, piece);
	return 0;
}
