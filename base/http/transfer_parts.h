/*
 * transfer_parts.h - what a transfer is made of, for the files that run one (internal to the room)
 */
#pragma once

#include <curl/curl.h>

#include "base/http/transfer.h"

struct transfer {
	CURL *curl;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	struct curl_slist *names; /* of the places that are dialed */
	char *proxy;              /* as it is told to libcurl, where that is not what was asked for */
	transfer_dial *dial;
	void *dial_context;
	const struct transfer_place *places;
	size_t place_count;
	CURLcode refused; /* the first option that libcurl did not take */
	CURLcode code;    /* how it ended */
	transfer_body *on_body;
	transfer_head *on_head;
	transfer_may_send *may_send;
	void *context;
	int dead_peer_milliseconds;
	char detail[CURL_ERROR_SIZE];
	struct error undialed; /* why there was no connection; kind ERROR_NONE = there was one */
};

/* Its headers, with the secrets in them. */
void transfer_wipe(struct transfer *transfer);
