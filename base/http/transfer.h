/*
 * transfer.h - HTTP requests over libcurl, one after the other or many at once (nobody else includes curl/curl.h)
 *
 * What holds for all: HTTP/1.1, as an HTTP/2 connection that dies silently never recovers in libcurl; TLS 1.2 or later;
 * redirects are told and not followed; no netrc; a peer that vanished is noticed after half a minute. An option that libcurl
 * refuses ends the transfer before a byte is sent: what was asked for is never left out.
 * A transfer and the transfers it was added to belong to one thread; transfers_wake() may be called by any.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"

struct transfer;  /* keeps its connection for the next request, unless it is one of several */
struct transfers; /* keeps the connections of all that were added */

struct transfer_tls {
	const char *ca;          /* PEM, the only ones that are trusted; NULL = the system's */
	const char *ca_folder;   /* certificates by hash, instead of the system's bundle; used without `ca` */
	const char *client_cert; /* PEM; NULL = none */
	const struct secret *client_key;
	bool insecure;
};

/* Where somebody else connects to: transfer_request.dial. */
struct transfer_place {
	const char *host; /* as in the URL, an IPv6 address without its brackets */
	int port;
};

/* A connected socket to the place of this number, or -1 with `err`. */
typedef int transfer_dial(void *context, size_t place, struct error *err);

/* The host and the port of a proxy, as libcurl has them: 1080 where none is written, 443 for https. False = it names none. In `mem`. */
bool transfer_proxy_place(const char *proxy, struct arena *mem, struct transfer_place *place) MUST_CHECK;

/* Part of an answer's body; false ends the transfer. */
typedef bool transfer_body(void *context, const char *bytes, size_t length);

/* The connection is there and the request goes out next, again where libcurl repeats it: false, and it does not. */
typedef bool transfer_may_send(void *context);

/* The head of an answer is complete: transfer_status() is known, a body may be long in coming. */
typedef void transfer_head(void *context);

/* Copied, but for the body, which is borrowed until the transfer ends. NULL and 0 mean: not asked for. */
struct transfer_request {
	const char *method; /* NULL = POST with a body, GET without */
	const char *url;
	const char *unix_socket; /* where the server listens instead of the URL's host */
	const char *connect_to;  /* "name:port:host:port": where the URL's host and port are to be found */
	const char *proxy;       /* "" = none, whatever the environment says; NULL = what it says */
	const char *no_proxy; /* with `proxy`: hosts that are asked without it, as curl(1) has them; NULL = none */
	const char *user_agent;
	const char *accept;
	const char *header;   /* one more, "Name: value" */
	char *const *headers; /* and more, NULL at the end */
	const char *body;
	size_t body_length;
	const char *content_type; /* of the body */
	const struct secret *bearer;
	const char *user; /* with `password` */
	const struct secret *password;
	struct transfer_tls tls;
	/* Who connects instead of libcurl, which then makes no socket and asks for no name; to nothing but these places, borrowed until
	   the transfer ends. A proxy of socks4:// and socks5:// is told names, too, as of socks4a:// and socks5h://. */
	transfer_dial *dial;
	void *dial_context;
	const struct transfer_place *places;
	size_t place_count;
	bool https_only;
	bool path_as_is; /* "." and ".." in it are the server's */
	bool upgrade;    /* only the connection is made: upgrade.h goes on */
	bool fresh; /* on a new connection: libcurl itself repeats a request when a kept one turns out to be dead */
	int64_t connect_milliseconds;
	int64_t milliseconds;
	int64_t dead_peer_milliseconds; /* with bytes that nobody acknowledges; 0 = half a minute */
	int64_t silent_seconds;         /* without a byte, the server counts as gone */
	size_t receive_bytes;           /* taken at once */
	transfer_body *on_body;         /* NULL = passed over */
	transfer_head *on_head;
	transfer_may_send *may_send;
	void *context; /* of these, and of transfer_context() */
};

enum transfer_end {
	TRANSFER_ANSWERED,    /* with whatever status */
	TRANSFER_UNCONNECTED, /* nothing of the request was sent */
	TRANSFER_CUT,         /* the connection ended before the answer did */
	TRANSFER_SILENT,      /* out of time */
	TRANSFER_UNTRUSTED,   /* one side does not accept the other's certificate */
	TRANSFER_NO_MEMORY,
	TRANSFER_FAILED, /* anything else: a proxy, a URL, a body that was not taken */
};

struct transfer *transfer_new(void);
void transfer_free(struct transfer *transfer); /* accepts NULL; wipes the headers */

/* Forgets the request before it. */
void transfer_prepare(struct transfer *transfer, const struct transfer_request *request);

/* Runs one that was prepared, to its end. */
enum transfer_end transfer_run(struct transfer *transfer);

/* Of a transfer that ended; status also in on_body and on_head. 0 = no answer. */
enum transfer_end transfer_end(const struct transfer *transfer);
long transfer_status(const struct transfer *transfer);
const char *transfer_type(const struct transfer *transfer); /* Content-Type, or NULL */
const char *transfer_redirect(
	const struct transfer *transfer); /* where it leads, or NULL; until the next request */
int64_t transfer_retry_after(const struct transfer *transfer); /* seconds, 0 = not said */
int64_t transfer_received(const struct transfer *transfer);    /* bytes of the body */
const char *transfer_header(
	const struct transfer *transfer, const char *name);  /* NULL = not there; until the next request */
long transfer_proxy_status(const struct transfer *transfer); /* of a proxy that was to connect, 0 = none */
void *transfer_context(const struct transfer *transfer);

/* Why there is no answer: the same words for the same reason, and the words with addresses and times in them. */
const char *transfer_reason(const struct transfer *transfer);
const char *transfer_detail(const struct transfer *transfer);

/* `connections`: how many are kept, 0 = as libcurl sees fit. */
struct transfers *transfers_new(long connections);
void transfers_free(struct transfers *transfers); /* accepts NULL; after its transfers */

/* One that was prepared begins with the next transfers_work(). */
void transfers_add(struct transfers *transfers, struct transfer *transfer);

/* Takes it off, at its end or before; its headers are wiped. */
void transfers_remove(struct transfers *transfers, struct transfer *transfer);

/* Sends and receives what can be now. */
void transfers_work(struct transfers *transfers);

/* The next that ended in transfers_work(), still to be removed; NULL = none. */
struct transfer *transfers_next(struct transfers *transfers);

/* Until something can be sent or received, someone wakes it, or the time is over. */
void transfers_wait(struct transfers *transfers, int milliseconds);
void transfers_wake(struct transfers *transfers);
