#include "reconcile/kubernetes/access.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/write_gate.h"

/* Service account tokens are replaced on disk well before they end; client-go re-reads them each minute too. */
enum { RENEW_MILLISECONDS = 60 * 1000, CONNECT_MILLISECONDS = 10 * 1000, DEAD_PEER_MILLISECONDS = 30 * 1000 };

struct access {
	struct kube_config config;
	int64_t renewed;  /* steady clock */
	char *url;        /* of the server, with the TLS server name as host when there is one */
	char *connect_to; /* "name:port:host:port", NULL = as the URL says */
};

/* libcurl has no option for the TLS server name: the URL names it, and `connect_to` leads to the real host. */
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
	access->connect_to = memory_printf("%s:%s:%.*s:%s", name, port, length, host, port);
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
	memory_freep(&access->connect_to);
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

void access_prepare(struct access *access, struct transfer *transfer, const struct access_transfer *wanted)
{
	const struct kube_config *config = &access->config;
	access_renew(access, false);
	CLEANUP(memory_freep) char *url = memory_printf("%s%s", access->url, wanted->path);
	const struct transfer_request request = {
		.method = wanted->method,
		.url = url,
		.connect_to = access->connect_to,
		.proxy = config->proxy ? config->proxy : "",
		.user_agent = "pgitops/" PGITOPS_VERSION,
		.accept = wanted->accept ? wanted->accept : "application/json",
		.body = wanted->body,
		.body_length = wanted->body_length,
		.content_type = wanted->content_type ? wanted->content_type : "application/json",
		.headers = config->impersonate,
		.bearer = &config->token,
		.tls = {.ca = config->ca,
			.client_cert = config->client_cert,
			.client_key = &config->client_key,
			.insecure = config->insecure},
		.https_only = true,
		.path_as_is = true,
		.fresh = wanted->fresh,
		.upgrade = wanted->upgrade,
		.connect_milliseconds = CONNECT_MILLISECONDS,
		.milliseconds = wanted->seconds * 1000L,
		.on_body = wanted->on_body,
		.on_head = wanted->on_head,
		.may_send = wanted->may_send,
		.dead_peer_milliseconds = write_gate_tail(DEAD_PEER_MILLISECONDS),
		.context = wanted->context,
	};
	transfer_prepare(transfer, &request);
}
