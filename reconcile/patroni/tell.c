#include "reconcile/patroni/tell.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/patroni/ask_internal.h"

struct patroni_telling {
	struct transfers *transfers;
	struct transfer *transfer; /* NULL = nobody to tell */
	struct buf body;           /* of the answer */
	char *url, *request;
	bool ended;
};

static bool take_body(void *context, const char *bytes, size_t length)
{
	struct patroni_telling *telling = context;
	buf_append(&telling->body, bytes, length);
	return !buf_failed(&telling->body);
}

/* "http://10.2.0.7:8008/patroni" without its last part. */
static char *url_of(const struct patroni_member *member, const char *path)
{
	const char *url = member->api_url;
	if (!url || (!text_starts(url, "http://") && !text_starts(url, "https://")))
		return NULL;
	size_t length = strlen(url);
	while (length && url[length - 1] == '/')
		length--;
	if (length > strlen("/patroni") &&
		strncmp(url + length - strlen("/patroni"), "/patroni", strlen("/patroni")) == 0)
		length -= strlen("/patroni");
	return memory_printf("%.*s%s", (int)length, url, path);
}

static void prepare(struct patroni_telling *telling, const struct patroni_access *access, int64_t milliseconds)
{
	transfer_prepare(telling->transfer,
		&(struct transfer_request){.method = "POST",
			.url = telling->url,
			.proxy = "",
			.user_agent = "pgitops",
			.body = telling->request,
			.body_length = strlen(telling->request),
			.content_type = "application/json",
			.user = access ? access->user : NULL,
			.password = access && access->user ? &access->password : NULL,
			.tls = patroni_tls(access),
			.fresh = true,
			.connect_milliseconds = LIMIT_PATRONI_MILLISECONDS,
			.milliseconds = milliseconds,
			.on_body = take_body,
			.context = telling});
}

struct patroni_telling *patroni_tell(const struct patroni_cluster *cluster,
	const struct patroni_member *member, const char *path, const json_t *body, int64_t milliseconds)
{
	struct patroni_telling *telling = memory_alloc(sizeof(*telling));
	telling->body = (struct buf)BUF(LIMIT_PATRONI_ANSWER);
	telling->url = url_of(member, path);
	telling->request = json_written(body, JSON_COMPACT);
	telling->transfers = transfers_new(0);
	telling->ended = !telling->url;
	if (telling->ended)
		return telling;
	telling->transfer = transfer_new();
	prepare(telling, cluster->access, milliseconds);
	transfers_add(telling->transfers, telling->transfer);
	transfers_work(telling->transfers);
	return telling;
}

bool patroni_telling_step(struct patroni_telling *telling, int milliseconds)
{
	if (telling->ended)
		return true;
	transfers_wait(telling->transfers, milliseconds);
	transfers_work(telling->transfers);
	struct transfer *done = transfers_next(telling->transfers);
	if (done) {
		transfers_remove(telling->transfers, done);
		telling->ended = true;
	}
	return telling->ended;
}

static bool is_refused(long status)
{
	return status == 401 || status == 403;
}

bool patroni_telling_end(struct patroni_telling *telling, struct arena *mem, long *status, const char **words,
	bool *sent, struct error *err)
{
	*sent = false;
	if (!telling->transfer)
		return error_set(err, ERROR_INVALID, "it says no address of its REST API");
	enum transfer_end end = transfer_end(telling->transfer);
	*sent = end != TRANSFER_UNCONNECTED && end != TRANSFER_UNTRUSTED;
	if (end != TRANSFER_ANSWERED)
		return error_set(err, ERROR_RETRY, "%s", transfer_reason(telling->transfer));
	char *text = memory_copy(buf_string(&telling->body));
	text_make_printable(text);
	long code = transfer_status(telling->transfer);
	bool ok = !is_refused(code) ||
		error_set(err, ERROR_DENIED,
			"Patroni answers HTTP %ld: %s. It wants who may do this: patroniUsername and patroniPasswordFile, or "
			"patroniClientCertFile and patroniClientKeyFile, in the `databases` entry of this cluster in the agent file",
			code, text);
	*status = code;
	*words = arena_copy(mem, text);
	free(text);
	return ok;
}

void patroni_telling_free(struct patroni_telling *telling)
{
	if (!telling)
		return;
	if (telling->transfer && !telling->ended)
		transfers_remove(telling->transfers, telling->transfer);
	transfer_free(telling->transfer);
	transfers_free(telling->transfers);
	buf_done(&telling->body);
	free(telling->url);
	free(telling->request);
	free(telling);
}
