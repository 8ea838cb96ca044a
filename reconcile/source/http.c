#include "reconcile/source/http.h"

#include <curl/curl.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/http_error.h"

enum {
	CONNECT_SECONDS = 15,
	SILENT_SECONDS = 30, /* without a byte, the server counts as gone */
	RECEIVE_BUFFER = 128 * 1024,
};

struct http {
	CURL *curl;
	const struct source_access *access;
	bool tls;
	int64_t deadline;
	int64_t received;
	char detail[CURL_ERROR_SIZE];
	struct http_exchange *exchange; /* the running one */
	int64_t taken;                  /* bytes of its answer */
	bool checked;                   /* status and type are right */
	struct error *failure;          /* set by the sink or the checks */
};

/* Debian's folder of certificates by hash is looked into as needed, the bundle would be parsed whole (60 ms). */
static bool has_hashed_certificates(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	bool found = false;
	if (!folder)
		return false;
	while (!found && (entry = readdir(folder)))
		found = strlen(entry->d_name) == 10 && text_ends(entry->d_name, ".0") &&
			strspn(entry->d_name, "0123456789abcdef") == 8;
	closedir(folder);
	return found;
}

static void set_blob(CURL *curl, CURLoption option, const char *bytes, size_t length)
{
	struct curl_blob blob = {.data = (void *)(uintptr_t)bytes, .len = length, .flags = CURL_BLOB_COPY};
	curl_easy_setopt(curl, option, &blob);
}

static void set_tls(CURL *curl, const struct source_access *access)
{
	static const char folder[] = "/etc/ssl/certs";
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (access->ca) {
		set_blob(curl, CURLOPT_CAINFO_BLOB, access->ca, strlen(access->ca));
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	} else if (has_hashed_certificates(folder)) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
	}
	if (access->client_cert && access->client_key.bytes) {
		set_blob(curl, CURLOPT_SSLCERT_BLOB, access->client_cert, strlen(access->client_cert));
		set_blob(curl, CURLOPT_SSLKEY_BLOB, access->client_key.bytes, access->client_key.length);
	}
	if (access->insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_credentials(CURL *curl, const struct url *url, const struct source_access *access)
{
	const char *user = access->username && *access->username ? access->username : url->user;
	if (access->bearer.bytes) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, access->bearer.bytes);
	} else if (access->password.bytes) {
		/* A token alone needs some user name; the forges take any. */
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, user ? user : "git");
		curl_easy_setopt(curl, CURLOPT_PASSWORD, access->password.bytes);
	}
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context);

static void set_common(struct http *http, const struct source_access *access)
{
	CURL *curl = http->curl;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_PROXY, access->proxy ? access->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "git/2.0 (pgitops " PGITOPS_VERSION ")");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
}

bool http_open(const struct url *url, const struct source_access *access, int64_t deadline,
	struct http **http, struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return error_set(err, ERROR_BUG, "libcurl does not start");
	struct http *opened = memory_alloc(sizeof(*opened));
	opened->curl = curl_easy_init();
	if (!opened->curl)
		memory_fail("a libcurl handle", 0);
	opened->access = access;
	opened->deadline = deadline;
	opened->tls = url->scheme == URL_HTTPS;
	set_common(opened, access);
	if (opened->tls)
		set_tls(opened->curl, access);
	set_credentials(opened->curl, url, access);
	*http = opened;
	return true;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	free(http);
}

int64_t http_received(const struct http *http)
{
	return http->received;
}

static bool has_credentials(const struct http *http)
{
	return http->access->bearer.bytes || http->access->password.bytes;
}

/* Before the first byte of a body is looked at: is it an answer to what was asked at all? */
static bool check_head(struct http *http, struct error *err)
{
	const struct http_exchange *exchange = http->exchange;
	char *type = NULL;
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &http->exchange->status);
	curl_easy_getinfo(http->curl, CURLINFO_CONTENT_TYPE, &type);
	if (exchange->status != 200) {
		curl_off_t wait = 0;
		curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &wait);
		return http_status_error(err, exchange->status, has_credentials(http), (long)wait);
	}
	size_t length = strlen(exchange->accept);
	if (!type || strncasecmp(type, exchange->accept, length) != 0 || (type[length] && type[length] != ';'))
		return http_type_error(err, type);
	return true;
}

static bool take_bytes(struct http *http, const char *bytes, size_t size, struct error *err)
{
	struct http_exchange *exchange = http->exchange;
	if (!http->checked && !check_head(http, err))
		return false;
	http->checked = true;
	http->taken += (int64_t)size;
	if (http->taken > exchange->maximum)
		return error_set(err, ERROR_INVALID, "%s is larger than %lld MiB", exchange->too_large,
			(long long)(exchange->maximum >> 20));
	return exchange->sink(exchange->context, bytes, size, err);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http *http = context;
	if (take_bytes(http, bytes, size * count, http->failure))
		return size * count;
	return size * count + 1; /* anything else than the size ends the transfer */
}

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
	CLEANUP(memory_freep) char *line = memory_printf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, line);
	if (!longer)
		memory_fail("a request header", strlen(line));
	return longer;
}

static struct curl_slist *headers_of(const struct http_exchange *exchange)
{
	struct curl_slist *headers = header(NULL, "Accept", exchange->accept);
	if (exchange->version_2)
		headers = header(headers, "Git-Protocol", "version=2");
	if (exchange->body) {
		headers = header(headers, "Content-Type", exchange->body_type);
		headers = curl_slist_append(headers, "Expect:");
	}
	return headers;
}

static void set_request(
	struct http *http, const struct http_exchange *exchange, struct curl_slist *headers, int64_t left)
{
	curl_easy_setopt(http->curl, CURLOPT_URL, exchange->url);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)left);
	if (exchange->body) {
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, exchange->body);
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_length);
	} else {
		curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
	}
}

static void read_outcome(struct http *http, struct http_exchange *exchange)
{
	curl_off_t received = 0;
	char *redirect = NULL;
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
	curl_easy_getinfo(http->curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
	curl_easy_getinfo(http->curl, CURLINFO_REDIRECT_URL, &redirect);
	exchange->redirect = redirect;
	http->received += received;
}

bool http_run(struct http *http, struct http_exchange *exchange, struct error *err)
{
	struct error failure = {0};
	int64_t left = http->deadline - clock_steady();
	exchange->status = 0;
	exchange->redirect = NULL;
	if (left <= 0)
		return error_set(err, ERROR_RETRY, "out of time before the server was asked");
	http->exchange = exchange;
	http->failure = &failure;
	http->checked = false;
	http->taken = 0;
	http->detail[0] = '\0';
	struct curl_slist *headers = headers_of(exchange);
	set_request(http, exchange, headers, left);
	CURLcode code = curl_easy_perform(http->curl);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	read_outcome(http, exchange);
	/* An empty body never came by take_bytes(). */
	if (code == CURLE_OK && !http->checked)
		http->checked = check_head(http, &failure);
	if (failure.kind != ERROR_NONE) {
		*err = failure;
		return false;
	}
	if (code != CURLE_OK) {
		long proxy = 0;
		curl_easy_getinfo(http->curl, CURLINFO_HTTP_CONNECTCODE, &proxy);
		return http_transfer_error(err, code, http->detail, proxy);
	}
	return true;
}
