#include "reconcile/kubernetes/access.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* Service account tokens are replaced on disk well before they end; client-go re-reads them each minute too. */
enum { RENEW_MILLISECONDS = 60 * 1000, CONNECT_MILLISECONDS = 10 * 1000, DEAD_PEER_MILLISECONDS = 30 * 1000 };

struct access {
	struct kube_config config;
	int64_t renewed;               /* steady clock */
	char *url;                     /* of the server, with the TLS server name as host when there is one */
	struct curl_slist *connect_to; /* "name:port:host:port", NULL = as the URL says */
};

/* curl has no option for the TLS server name: the URL names it, and CURLOPT_CONNECT_TO leads to the real host. */
static void place_server(struct access *access)
{
	const char *host = access->config.server + strlen("https://");
	if (!access->config.tls_server_name) {
		access->url = memory_copy(access->config.server);
		return;
	}
	const char *end = host + strcspn(host, "/");
	const char *bracket = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *colon = memchr(bracket ? bracket : host, ':', (size_t)(end - (bracket ? bracket : host)));
	int length = (int)((colon ? colon : end) - host);
	CLEANUP(memory_freep)
	char *port = colon ? memory_printf("%.*s", (int)(end - colon - 1), colon + 1) : memory_copy("443");
	const char *name = access->config.tls_server_name;
	access->url = memory_printf("https://%s:%s%s", name, port, end);
	CLEANUP(memory_freep) char *way = memory_printf("%s:%s:%.*s:%s", name, port, length, host, port);
	access->connect_to = curl_slist_append(NULL, way);
}

struct access *access_new(const struct kube_config *config)
{
	struct access *access = memory_alloc(sizeof(*access));
	kube_config_copy(&access->config, config);
	place_server(access);
	access_renew(access, true);
	return access;
}

void access_free(struct access *access)
{
	if (!access)
		return;
	kube_config_done(&access->config);
	memory_freep(&access->url);
	curl_slist_free_all(access->connect_to);
	memory_freep(&access);
}

const char *access_server(const struct access *access)
{
	return access->config.server;
}

bool access_renewable(const struct access *access)
{
	return access->config.token_file;
}

static void renew_ca(struct access *access)
{
	struct error ignored;
	CLEANUP(buf_done) struct buf pem = BUF(LIMIT_CONFIG_BYTES);
	if (!file_read(access->config.ca_file, &pem, &ignored) || !pem.length)
		return;
	if (text_equal(access->config.ca, buf_string(&pem)))
		return;
	memory_freep(&access->config.ca);
	access->config.ca = memory_copy(buf_string(&pem));
}

void access_renew(struct access *access, bool at_once)
{
	int64_t now = clock_steady();
	if (!at_once && now - access->renewed < RENEW_MILLISECONDS)
		return;
	access->renewed = now;
	struct error ignored;
	CLEANUP(secret_done) struct secret token = {0};
	if (access->config.token_file && secret_read(&token, access->config.token_file, true, &ignored) &&
		token.length) {
		secret_done(&access->config.token);
		secret_set(&access->config.token, token.bytes, token.length);
	}
	if (access->config.ca_file)
		renew_ca(access);
}

/* A peer that vanished is noticed here, not after the kernel's fifteen minutes of retransmission. */
static int limit_dead_peer(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	int milliseconds = DEAD_PEER_MILLISECONDS;
	(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
	return CURL_SOCKOPT_OK;
}

static void set_blob(CURL *easy, CURLoption option, char *bytes, size_t length)
{
	struct curl_blob blob = {.data = bytes, .len = length, .flags = CURL_BLOB_COPY};
	curl_easy_setopt(easy, option, &blob);
}

static void set_tls(const struct access *access, CURL *easy)
{
	const struct kube_config *config = &access->config;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (config->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (config->ca) {
		/* Without this the system's certificates would be trusted beside the cluster's. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		set_blob(easy, CURLOPT_CAINFO_BLOB, config->ca, strlen(config->ca));
	}
	if (config->client_cert && config->client_key.length) {
		set_blob(easy, CURLOPT_SSLCERT_BLOB, config->client_cert, strlen(config->client_cert));
		set_blob(easy, CURLOPT_SSLKEY_BLOB, config->client_key.bytes, config->client_key.length);
		curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
		curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
	}
}

static struct curl_slist *append(struct curl_slist *list, const char *name, const char *value)
{
	CLEANUP(memory_freep) char *line = memory_printf("%s%s", name, value);
	struct curl_slist *longer = curl_slist_append(list, line);
	explicit_bzero(line, strlen(line));
	if (!longer)
		memory_fail("headers", strlen(name));
	return longer;
}

static struct curl_slist *make_headers(const struct access *access, const struct access_transfer *transfer)
{
	const char *accept = transfer->accept ? transfer->accept : "application/json";
	struct curl_slist *list = append(NULL, "Accept: ", accept);
	if (transfer->body) {
		const char *type = transfer->content_type ? transfer->content_type : "application/json";
		list = append(list, "Content-Type: ", type);
		list = append(list, "Expect:", "");
	}
	if (access->config.token.length)
		list = append(list, "Authorization: Bearer ", access->config.token.bytes);
	return list;
}

void access_headers_free(struct curl_slist *headers)
{
	for (struct curl_slist *at = headers; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(headers);
}

struct curl_slist *access_prepare(struct access *access, CURL *easy, const struct access_transfer *transfer)
{
	access_renew(access, false);
	curl_easy_reset(easy);
	CLEANUP(memory_freep) char *url = memory_printf("%s%s", access->url, transfer->path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pgitops/" PGITOPS_VERSION);
	/* Both set, so that the environment has no say. */
	curl_easy_setopt(easy, CURLOPT_PROXY, access->config.proxy ? access->config.proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 15L);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, limit_dead_peer);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, transfer->seconds);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, access->connect_to);
	set_tls(access, easy);
	if (transfer->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_length);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
	struct curl_slist *headers = make_headers(access, transfer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	return headers;
}
