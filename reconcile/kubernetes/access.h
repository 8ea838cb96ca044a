/*
 * access.h - what every transfer to the API server has in common: address, TLS, proxy, token (internal to the room)
 *
 * Each thread has an access of its own, so nothing here is locked.
 */
#pragma once

#include "base/http/transfer.h"
#include "reconcile/kubernetes/config.h"

struct access;

/* Takes a copy of what it needs. */
struct access *access_new(const struct kube_config *config);
void access_free(struct access *access); /* accepts NULL */

/* Re-reads the token and CA files when they are older than a minute, or at once. A file that cannot be read keeps
   what was known: the server decides whether that is still good. */
void access_renew(struct access *access, bool at_once);

/* There is a token file, so a refused token may be replaced by a fresh one. */
bool access_renewable(const struct access *access);

struct access_transfer {
	const char *method;
	const char *path;         /* with query, escaped */
	const char *accept;       /* NULL = application/json */
	const char *content_type; /* NULL = application/json; used with a body only */
	const char *body;         /* NULL = none; must live as long as the transfer */
	size_t body_length;
	long seconds; /* deadline */
	bool fresh;   /* on a new connection (transfer.h) */
	bool upgrade; /* the same */
	transfer_body *on_body;
	transfer_head *on_head;
	transfer_may_send *may_send; /* NULL = it may */
	void *context;               /* of these */
};

void access_prepare(struct access *access, struct transfer *transfer, const struct access_transfer *wanted);

/* "https://host:port" for messages. */
const char *access_server(const struct access *access);
