/*
 * connecting.h - a TCP connection to a host by its name, to whichever of its addresses answers first
 */
#pragma once

#include "base/error.h"

enum {
	CONNECTING_MILLISECONDS = 15 * 1000, /* for all addresses together, after they are known */
	CONNECTING_STAGGER =
		250, /* until the next address is tried beside those that have not answered (RFC 8305) */
};

/* A connected socket that blocks, or -1: ERROR_RETRY, "Could not resolve host: h", "Failed to connect to h port 443: Connection
   refused". An address is a name for itself; "::1" has no brackets. */
int connecting_open(const char *host, int port, struct error *err);
