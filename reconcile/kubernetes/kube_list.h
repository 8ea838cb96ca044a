/*
 * kube_list.h - lists, and the parts of them that watches share (internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "reconcile/kubernetes/kube.h"

/* The path of one page; `next` is the continue token of the page before, NULL or "" for the first. */
void kube_list_page_path(struct buf *out, const char *path, int limit, const char *next);

/* Calls `item` for each object of a page, with its apiVersion and kind filled in. */
void kube_list_items(const json_t *page, void (*item)(void *context, json_t *object), void *context);

/* kube_list() with an Accept header of its own. */
bool kube_list_as(struct kube *kube, const char *path, const char *accept,
	void (*item)(void *context, json_t *object), void *context, char version[64],
	struct error *err) MUST_CHECK;

/* Only metadata: for kinds of which nothing else is of interest. */
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define ACCEPT_METADATA_LIST                                                                                 \
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
