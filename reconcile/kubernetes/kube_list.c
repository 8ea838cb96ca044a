/* kube_list.c - lists, page by page */
#include "reconcile/kubernetes/kube_list.h"

#include <string.h>

#include "base/http/percent.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { LIST_TRIES = 3 }; /* of a whole list whose continue token ended */

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

static bool list_pages(struct kube *kube, const char *path, const char *accept, json_t *pages, bool *expired,
	struct error *err)
{
	CLEANUP(memory_freep) char *next = NULL;
	do {
		CLEANUP(buf_done) struct buf url = BUF(8192);
		kube_list_page_path(&url, path, LIMIT_LIST_PAGE, next);
		struct kube_request request = {.method = "GET", .path = buf_string(&url), .accept = accept};
		json_t *page = NULL;
		bool good = kube_one(kube, &request, &page, err);
		*expired = request.status == 410;
		if (!good)
			return false;
		memory_freep(&next);
		next = memory_copy(json_text_at(page, "metadata.continue", ""));
		json_array_append_new(pages, page);
		if (json_array_size(pages) * LIMIT_LIST_PAGE > LIMIT_LIST_OBJECTS)
			return error_set(
				err, ERROR_INVALID, "GET %s: over %d objects", path, LIMIT_LIST_OBJECTS);
	} while (*next);
	return true;
}

bool kube_list_as(struct kube *kube, const char *path, const char *accept,
	void (*item)(void *context, json_t *object), void *context, char version[64], struct error *err)
{
	CLEANUP(json_done) json_t *pages = json_array();
	bool expired = false;
	bool good = false;
	for (int i = 0; i < LIST_TRIES && !good; i++) {
		json_array_clear(pages);
		good = list_pages(kube, path, accept, pages, &expired, err);
		if (!good && !expired)
			return false;
	}
	if (!good)
		return false;
	size_t index;
	const json_t *page;
	json_array_foreach (pages, index, page)
		kube_list_items(page, item, context);
	snprintf(version, 64, "%s", json_text_at(json_array_get(pages, 0), "metadata.resourceVersion", ""));
	return true;
}

bool kube_list(struct kube *kube, const char *path, void (*item)(void *context, json_t *object),
	void *context, char version[64], struct error *err)
{
	return kube_list_as(kube, path, NULL, item, context, version, err);
}
