#include "base/http/transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/http/dialing.h"
#include "base/http/transfer_parts.h"
#include "base/memory.h"

enum { DEAD_PEER_MILLISECONDS = 30 * 1000 };

struct transfers {
	CURLM *multi;
};

/* ---- a request ---- */

#define SET(transfer, option, value)                                                                         \
	do {                                                                                                 \
		CURLcode set_code = curl_easy_setopt((transfer)->curl, (option), (value));                   \
		if (set_code != CURLE_OK && (transfer)->refused == CURLE_OK)                                 \
			(transfer)->refused = set_code;                                                      \
	} while (0)

/* A peer that vanished is noticed here, not after the kernel's fifteen minutes of retransmission. */
static int limit_dead_peer(void *context, curl_socket_t socket, curlsocktype purpose)
{
	const struct transfer *transfer = context;
	int milliseconds = transfer->dead_peer_milliseconds;
	(void)purpose;
	(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
	return CURL_SOCKOPT_OK;
}

/* A socket that is connected already. What went wrong is told instead of libcurl's own words. */
static curl_socket_t dial(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = context;
	size_t place = dialing_place(transfer->places, transfer->place_count, address);
	(void)purpose;
	if (place == transfer->place_count)
		return CURL_SOCKET_BAD;
	int fd = transfer->dial(transfer->dial_context, place, &transfer->undialed);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int is_connected(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)limit_dead_peer(context, socket, purpose);
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int ask_to_send(void *context, char *address, char *local_address, int port, int local_port)
{
	const struct transfer *transfer = context;
	(void)address;
	(void)local_address;
	(void)port;
	(void)local_port;
	return transfer->may_send(transfer->context) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	const struct transfer *transfer = context;
	bool taken = !transfer->on_body || transfer->on_body(transfer->context, bytes, size * count);
	return taken ? size * count : CURL_WRITEFUNC_ERROR;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
	const struct transfer *transfer = context;
	if (size * count <= 2 && *bytes == '\r')
		transfer->on_head(transfer->context);
	return size * count;
}

static void set_blob(struct transfer *transfer, CURLoption option, const char *bytes, size_t length)
{
	struct curl_blob blob = {.data = (void *)(uintptr_t)bytes, .len = length, .flags = CURL_BLOB_COPY};
	SET(transfer, option, &blob);
}

static void set_tls(struct transfer *transfer, const struct transfer_tls *tls)
{
	SET(transfer, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls->insecure) {
		SET(transfer, CURLOPT_SSL_VERIFYPEER, 0L);
		SET(transfer, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (tls->ca) {
		/* Without this the system's certificates would be trusted beside these. */
		SET(transfer, CURLOPT_CAPATH, NULL);
		set_blob(transfer, CURLOPT_CAINFO_BLOB, tls->ca, strlen(tls->ca));
	} else if (tls->ca_folder) {
		SET(transfer, CURLOPT_CAINFO, NULL);
		SET(transfer, CURLOPT_CAPATH, tls->ca_folder);
	}
	if (tls->client_cert && tls->client_key && tls->client_key->length) {
		set_blob(transfer, CURLOPT_SSLCERT_BLOB, tls->client_cert, strlen(tls->client_cert));
		set_blob(transfer, CURLOPT_SSLKEY_BLOB, tls->client_key->bytes, tls->client_key->length);
	}
}

static void add_header(struct transfer *transfer, const char *name, const char *value)
{
	CLEANUP(memory_freep) char *line = memory_printf("%s%s", name, value);
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);
	explicit_bzero(line, strlen(line));
	if (!longer)
		memory_fail("a request header", strlen(name));
	transfer->headers = longer;
}

static void set_headers(struct transfer *transfer, const struct transfer_request *request)
{
	if (request->accept)
		add_header(transfer, "Accept: ", request->accept);
	if (request->header)
		add_header(transfer, request->header, "");
	for (char *const *more = request->headers; more && *more; more++)
		add_header(transfer, *more, "");
	if (request->body) {
		add_header(transfer, "Content-Type: ", request->content_type);
		add_header(transfer, "Expect:", ""); /* no round trip before the body */
	}
	if (request->bearer && request->bearer->length)
		add_header(transfer, "Authorization: Bearer ", request->bearer->bytes);
	SET(transfer, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_dialing(struct transfer *transfer, const struct transfer_request *request)
{
	transfer->dial = request->dial;
	transfer->dial_context = request->dial_context;
	transfer->places = request->places;
	transfer->place_count = request->place_count;
	if (!request->dial)
		return;
	transfer->names = dialing_names(request->places, request->place_count);
	SET(transfer, CURLOPT_RESOLVE, transfer->names);
	SET(transfer, CURLOPT_OPENSOCKETFUNCTION, dial);
	SET(transfer, CURLOPT_OPENSOCKETDATA, transfer);
	SET(transfer, CURLOPT_SOCKOPTFUNCTION, is_connected);
	transfer->proxy = request->proxy ? dialing_proxy(request->proxy) : NULL;
	if (transfer->proxy)
		SET(transfer, CURLOPT_PROXY, transfer->proxy);
}

static void set_way(struct transfer *transfer, const struct transfer_request *request)
{
	SET(transfer, CURLOPT_URL, request->url);
	SET(transfer, CURLOPT_PROTOCOLS_STR, request->https_only ? "https" : "http,https");
	SET(transfer, CURLOPT_PATH_AS_IS, request->path_as_is ? 1L : 0L);
	SET(transfer, CURLOPT_FRESH_CONNECT, request->fresh ? 1L : 0L);
	SET(transfer, CURLOPT_CONNECT_ONLY, request->upgrade ? 1L : 0L);
	SET(transfer, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (request->proxy) {
		/* Both set, so that the environment has no say. */
		SET(transfer, CURLOPT_PROXY, request->proxy);
		SET(transfer, CURLOPT_NOPROXY, request->no_proxy ? request->no_proxy : "");
	}
	if (request->connect_to) {
		transfer->connect_to = curl_slist_append(NULL, request->connect_to);
		if (!transfer->connect_to)
			memory_fail("an address", strlen(request->connect_to));
		SET(transfer, CURLOPT_CONNECT_TO, transfer->connect_to);
	}
	if (request->password && request->password->bytes) {
		SET(transfer, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(transfer, CURLOPT_USERNAME, request->user);
		SET(transfer, CURLOPT_PASSWORD, request->password->bytes);
	}
}

static void set_patience(struct transfer *transfer, const struct transfer_request *request)
{
	SET(transfer, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_milliseconds);
	SET(transfer, CURLOPT_TIMEOUT_MS, (long)request->milliseconds);
	SET(transfer, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(transfer, CURLOPT_TCP_KEEPIDLE, 30L);
	SET(transfer, CURLOPT_TCP_KEEPINTVL, 15L);
	transfer->dead_peer_milliseconds = request->dead_peer_milliseconds
		? (int)request->dead_peer_milliseconds
		: DEAD_PEER_MILLISECONDS;
	SET(transfer, CURLOPT_SOCKOPTFUNCTION, limit_dead_peer);
	SET(transfer, CURLOPT_SOCKOPTDATA, transfer);
	if (request->silent_seconds) {
		SET(transfer, CURLOPT_LOW_SPEED_LIMIT, 1L);
		SET(transfer, CURLOPT_LOW_SPEED_TIME, (long)request->silent_seconds);
	}
	if (request->receive_bytes)
		SET(transfer, CURLOPT_BUFFERSIZE, (long)request->receive_bytes);
}

static void set_taking(struct transfer *transfer, const struct transfer_request *request)
{
	transfer->on_body = request->on_body;
	transfer->on_head = request->on_head;
	transfer->context = request->context;
	SET(transfer, CURLOPT_PRIVATE, transfer);
	SET(transfer, CURLOPT_ERRORBUFFER, transfer->detail);
	SET(transfer, CURLOPT_WRITEFUNCTION, take_body);
	SET(transfer, CURLOPT_WRITEDATA, transfer);
	transfer->may_send = request->may_send;
	if (request->may_send) {
		SET(transfer, CURLOPT_PREREQFUNCTION, ask_to_send);
		SET(transfer, CURLOPT_PREREQDATA, transfer);
	}
	if (!request->on_head)
		return;
	SET(transfer, CURLOPT_HEADERFUNCTION, take_header);
	SET(transfer, CURLOPT_HEADERDATA, transfer);
}

void transfer_wipe(struct transfer *transfer)
{
	for (struct curl_slist *at = transfer->headers; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	curl_slist_free_all(transfer->names);
	transfer->headers = transfer->connect_to = transfer->names = NULL;
	memory_freep(&transfer->proxy);
}

void transfer_prepare(struct transfer *transfer, const struct transfer_request *request)
{
	transfer_wipe(transfer);
	curl_easy_reset(transfer->curl);
	transfer->refused = transfer->code = CURLE_OK;
	transfer->detail[0] = '\0';
	transfer->undialed.kind = ERROR_NONE;
	SET(transfer, CURLOPT_NOSIGNAL, 1L);
	SET(transfer, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(transfer, CURLOPT_FOLLOWLOCATION, 0L);
	SET(transfer, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(transfer, CURLOPT_USERAGENT, request->user_agent);
	if (request->body) {
		SET(transfer, CURLOPT_POSTFIELDS, request->body);
		SET(transfer, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
	}
	if (request->method)
		SET(transfer, CURLOPT_CUSTOMREQUEST, request->method);
	set_way(transfer, request);
	set_tls(transfer, &request->tls);
	set_headers(transfer, request);
	set_patience(transfer, request);
	set_dialing(transfer, request);
	set_taking(transfer, request);
	/* Without a URL libcurl ends it at once, wherever it is run. */
	if (transfer->refused != CURLE_OK)
		curl_easy_setopt(transfer->curl, CURLOPT_URL, NULL);
}

struct transfer *transfer_new(void)
{
	struct transfer *transfer = memory_alloc(sizeof(*transfer));
	if (!curl_global_init(CURL_GLOBAL_DEFAULT))
		transfer->curl = curl_easy_init();
	if (!transfer->curl)
		memory_fail("a libcurl handle", sizeof(*transfer));
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	curl_easy_cleanup(transfer->curl);
	transfer_wipe(transfer);
	memory_freep(&transfer);
}

/* ---- its end ---- */

static void ended(struct transfer *transfer, CURLcode code)
{
	transfer->code = transfer->refused != CURLE_OK ? transfer->refused : code;
}

enum transfer_end transfer_run(struct transfer *transfer)
{
	ended(transfer, curl_easy_perform(transfer->curl));
	transfer_wipe(transfer);
	SET(transfer, CURLOPT_HTTPHEADER, NULL);
	SET(transfer, CURLOPT_CONNECT_TO, NULL);
	SET(transfer, CURLOPT_RESOLVE, NULL);
	return transfer_end(transfer);
}

enum transfer_end transfer_end(const struct transfer *transfer)
{
	switch (transfer->code) {
	case CURLE_OK:
		return TRANSFER_ANSWERED;
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		return TRANSFER_UNCONNECTED;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return TRANSFER_CUT;
	case CURLE_OPERATION_TIMEDOUT:
		return TRANSFER_SILENT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return TRANSFER_UNTRUSTED;
	case CURLE_OUT_OF_MEMORY:
		return TRANSFER_NO_MEMORY;
	default:
		return TRANSFER_FAILED;
	}
}

const char *transfer_reason(const struct transfer *transfer)
{
	return curl_easy_strerror(transfer->code);
}

const char *transfer_detail(const struct transfer *transfer)
{
	if (transfer->undialed.kind != ERROR_NONE && transfer->code != CURLE_OK)
		return transfer->undialed.text;
	bool said = *transfer->detail && transfer->refused == CURLE_OK;
	return said ? transfer->detail : transfer_reason(transfer);
}

static long info_number(const struct transfer *transfer, CURLINFO what)
{
	long number = 0;
	curl_easy_getinfo(transfer->curl, what, &number);
	return number;
}

static int64_t info_size(const struct transfer *transfer, CURLINFO what)
{
	curl_off_t size = 0;
	curl_easy_getinfo(transfer->curl, what, &size);
	return (int64_t)size;
}

static const char *info_text(const struct transfer *transfer, CURLINFO what)
{
	char *text = NULL;
	curl_easy_getinfo(transfer->curl, what, &text);
	return text;
}

long transfer_status(const struct transfer *transfer)
{
	return info_number(transfer, CURLINFO_RESPONSE_CODE);
}

long transfer_proxy_status(const struct transfer *transfer)
{
	return info_number(transfer, CURLINFO_HTTP_CONNECTCODE);
}

int64_t transfer_retry_after(const struct transfer *transfer)
{
	return info_size(transfer, CURLINFO_RETRY_AFTER);
}

const char *transfer_header(const struct transfer *transfer, const char *name)
{
	struct curl_header *header;
	bool found = curl_easy_header(transfer->curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
	return found ? header->value : NULL;
}

int64_t transfer_received(const struct transfer *transfer)
{
	return info_size(transfer, CURLINFO_SIZE_DOWNLOAD_T);
}

const char *transfer_type(const struct transfer *transfer)
{
	return info_text(transfer, CURLINFO_CONTENT_TYPE);
}

const char *transfer_redirect(const struct transfer *transfer)
{
	return info_text(transfer, CURLINFO_REDIRECT_URL);
}

void *transfer_context(const struct transfer *transfer)
{
	return transfer->context;
}

/* ---- several at once ---- */

struct transfers *transfers_new(long connections)
{
	struct transfers *transfers = memory_alloc(sizeof(*transfers));
	if (!curl_global_init(CURL_GLOBAL_DEFAULT))
		transfers->multi = curl_multi_init();
	if (!transfers->multi)
		memory_fail("a libcurl multi handle", sizeof(*transfers));
	if (connections)
		curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, connections);
	return transfers;
}

void transfers_free(struct transfers *transfers)
{
	if (!transfers)
		return;
	curl_multi_cleanup(transfers->multi);
	memory_freep(&transfers);
}

void transfers_add(struct transfers *transfers, struct transfer *transfer)
{
	curl_multi_add_handle(transfers->multi, transfer->curl);
}

void transfers_remove(struct transfers *transfers, struct transfer *transfer)
{
	curl_multi_remove_handle(transfers->multi, transfer->curl);
	transfer_wipe(transfer);
}

void transfers_work(struct transfers *transfers)
{
	int running;
	curl_multi_perform(transfers->multi, &running);
}

struct transfer *transfers_next(struct transfers *transfers)
{
	int left;
	CURLMsg *message;
	struct transfer *transfer = NULL;
	while (!transfer && (message = curl_multi_info_read(transfers->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		ended(transfer, message->data.result);
	}
	return transfer;
}

void transfers_wait(struct transfers *transfers, int milliseconds)
{
	curl_multi_poll(transfers->multi, NULL, 0, milliseconds, NULL);
}

void transfers_wake(struct transfers *transfers)
{
	curl_multi_wakeup(transfers->multi);
}
