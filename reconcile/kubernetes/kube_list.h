/*
 * kube_list.h - lists, and the parts of them that watches share (internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "reconcile/kubernetes/kube.h"

/* The path of one page; `next` is the continue token of the page before, NULL or "" for the first. */
void kube_list_page_path(struct buf *out, const char *path, int limit, const char *next);

/* Objects to ask for in the first page, and in the one after a page of so many bytes: a page of large objects would fill the memory.
   `whole`: not only their metadata. */
int kube_list_first_limit(bool whole);
int kube_list_next_limit(int limit, size_t bytes);

/* Calls `item` for each object of a page, with its apiVersion and kind filled in. */
void kube_list_items(const json_t *page, void (*item)(void *context, json_t *object), void *context);

/* kube_list() page by page, with an Accept header of its own (NULL = whole objects): an object may come twice, and on failure some
   have come. */
bool kube_list_each(struct kube *kube, const char *path, const char *accept,
	void (*item)(void *context, json_t *object), void *context, struct error *err) MUST_CHECK;

/* Only metadata: for kinds of which nothing else is of interest. */
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define ACCEPT_METADATA_LIST                                                                                 \
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
