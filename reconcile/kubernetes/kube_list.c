/* kube_list.c - lists, page by page */
#include "reconcile/kubernetes/kube_list.h"

#include <string.h>

#include "base/http/percent.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	LIST_TRIES = 3,   /* of a whole list whose continue token ended */
	FIRST_WHOLE = 20, /* objects whose size nobody knows yet */
	GROWTH = 4,       /* a page may be so much longer than the one before */
	SHRINKAGE = 10    /* one that is too large for us is tried again so much shorter */
};

void kube_list_page_path(struct buf *out, const char *path, int limit, const char *next)
{
	buf_printf(out, "%s%climit=%d", path, strchr(path, '?') ? '&' : '?', limit);
	if (next && *next) {
		buf_text(out, "&continue=");
		percent_encode(out, next);
	}
}

void kube_list_items(const json_t *page, void (*item)(void *context, json_t *object), void *context)
{
	const char *version = json_text_at(page, "apiVersion", "");
	const char *kind = json_text_at(page, "kind", "");
	size_t length = strlen(kind);
	size_t index;
	json_t *object;
	json_array_foreach (json_at(page, "items"), index, object) {
		if (!json_is_object(object))
			continue;
		if (!json_object_get(object, "kind") && text_ends(kind, "List"))
			json_object_set_new(object, "kind", json_stringn(kind, length - strlen("List")));
		if (!json_object_get(object, "apiVersion"))
			json_object_set_new(object, "apiVersion", json_string(version));
		item(context, object);
	}
}

int kube_list_first_limit(bool whole)
{
	return whole ? FIRST_WHOLE : LIMIT_LIST_PAGE;
}

int kube_list_next_limit(int limit, size_t bytes)
{
	long fits = bytes ? LIMIT_LIST_PAGE_BYTES * limit / (long)bytes : LIMIT_LIST_PAGE;
	long most = limit > LIMIT_LIST_PAGE / GROWTH ? LIMIT_LIST_PAGE : GROWTH * limit;
	return fits < 1 ? 1 : (int)(fits < most ? fits : most);
}

/* From the first page to the last. */
struct listing {
	struct kube *kube;
	const char *path, *accept;
	void (*page)(void *context, json_t *page); /* borrowed */
	void *context;
	bool expired; /* the continue token: from the start again */
};

static bool list_pages(struct listing *listing, struct error *err)
{
	CLEANUP(memory_freep) char *next = NULL;
	int limit = kube_list_first_limit(!listing->accept);
	long asked = 0;
	do {
		CLEANUP(buf_done) struct buf url = BUF(8192);
		CLEANUP(json_done) json_t *page = NULL;
		kube_list_page_path(&url, listing->path, limit, next);
		struct kube_request request = {
			.method = "GET", .path = buf_string(&url), .accept = listing->accept};
		bool good = kube_one(listing->kube, &request, &page, err);
		listing->expired = request.status == 410;
		if (!good && request.received == LIMIT_ANSWER_BYTES && limit > 1) {
			limit = limit > SHRINKAGE ? limit / SHRINKAGE : 1;
			continue;
		}
		if (!good)
			return false;
		memory_freep(&next);
		next = memory_copy(json_text_at(page, "metadata.continue", ""));
		listing->page(listing->context, page);
		asked += limit;
		limit = kube_list_next_limit(limit, request.received);
		if (asked > LIMIT_LIST_OBJECTS)
			return error_set(err, ERROR_INVALID, "GET %s: over %d objects", listing->path,
				LIMIT_LIST_OBJECTS);
	} while (!next || *next);
	return true;
}

struct each {
	void (*item)(void *context, json_t *object);
	void *context;
};

static void tell_page(void *context, json_t *page)
{
	const struct each *each = context;
	kube_list_items(page, each->item, each->context);
}

bool kube_list_each(struct kube *kube, const char *path, const char *accept,
	void (*item)(void *context, json_t *object), void *context, struct error *err)
{
	struct each each = {item, context};
	struct listing listing = {kube, path, accept, tell_page, &each, false};
	bool good = false;
	for (int i = 0; i < LIST_TRIES && !good; i++) {
		good = list_pages(&listing, err);
		if (!listing.expired)
			break;
	}
	return good;
}

static void keep_page(void *context, json_t *page)
{
	json_array_append(context, page);
}

bool kube_list(struct kube *kube, const char *path, void (*item)(void *context, json_t *object),
	void *context, char version[64], struct error *err)
{
	CLEANUP(json_done) json_t *pages = json_array();
	struct listing listing = {kube, path, NULL, keep_page, pages, false};
	bool good = false;
	for (int i = 0; i < LIST_TRIES && !good; i++) {
		json_array_clear(pages);
		good = list_pages(&listing, err);
		if (!listing.expired)
			break;
	}
	size_t index;
	const json_t *page;
	json_array_foreach (good ? pages : NULL, index, page)
		kube_list_items(page, item, context);
	if (good)
		snprintf(version, 64, "%s",
			json_text_at(json_array_get(pages, 0), "metadata.resourceVersion", ""));
	return good;
}
