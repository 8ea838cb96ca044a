/*
 * dialing.h - how libcurl is led to connections that somebody else makes (internal to the room)
 *
 * libcurl asks its caller for a socket by address, and finds out the address itself. So each place gets an address that is in no
 * network (192.0.2.1 to .254, RFC 5737) under its name, and the one who is asked knows by it which place is meant. Where the URL has
 * an address instead of a name, that one says so itself.
 */
#pragma once

#include <curl/curl.h>

#include "base/http/transfer.h"

enum { DIALING_PLACES = 254 };

/* For CURLOPT_RESOLVE; the caller's. */
struct curl_slist *dialing_names(const struct transfer_place *places, size_t count);

/* The place that an address is of; `count` = none. */
size_t dialing_place(const struct transfer_place *places, size_t count, const struct curl_sockaddr *address);

/* The proxy with names that it resolves itself. NULL = it does so already. The caller's. */
char *dialing_proxy(const char *proxy);
