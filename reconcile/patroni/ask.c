#include "reconcile/patroni/ask.h"

#include <string.h>

#include "base/buf.h"
#include "base/http/transfer.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/patroni/ask_internal.h"
#include "reconcile/patroni/internal.h"

enum { PAUSE = 100 };

static bool take_body(void *context, const char *bytes, size_t length)
{
	struct question *question = context;
	buf_append(&question->body, bytes, length);
	return !buf_failed(&question->body);
}

static bool is_url(const char *url)
{
	return url && (text_starts(url, "http://") || text_starts(url, "https://"));
}

struct transfer_tls patroni_tls(const struct patroni_access *access)
{
	static const struct patroni_access none;
	const struct patroni_access *how = access ? access : &none;
	return (struct transfer_tls){.ca = how->ca,
		.client_cert = how->client_cert,
		.client_key = how->client_key.bytes ? &how->client_key : NULL};
}

void question_prepare(
	struct question *question, const char *url, const struct patroni_access *access, int64_t milliseconds)
{
	question->body = (struct buf)BUF(LIMIT_PATRONI_ANSWER);
	question->transfer = transfer_new();
	transfer_prepare(question->transfer,
		&(struct transfer_request){.url = url,
			.proxy = "",
			.user_agent = "pgitops",
			.accept = "application/json",
			.tls = patroni_tls(access),
			.connect_milliseconds = milliseconds,
			.milliseconds = milliseconds,
			.on_body = take_body,
			.context = question});
}

const char *question_answer(struct question *question, struct arena *mem, json_type type, json_t **value)
{
	struct error err;
	*value = NULL;
	if (transfer_end(question->transfer) != TRANSFER_ANSWERED)
		return buf_failed(&question->body)
			? arena_printf(mem, "its answer has more than %d bytes", LIMIT_PATRONI_ANSWER)
			: arena_copy(mem, transfer_reason(question->transfer));
	if (transfer_status(question->transfer) != 200)
		return arena_printf(mem, "it answers HTTP %ld", transfer_status(question->transfer));
	if (!json_read(buf_string(&question->body), question->body.length, value, &err))
		return "its answer is no JSON";
	if (json_typeof(*value) == type)
		return NULL;
	json_decref(*value);
	*value = NULL;
	return type == JSON_ARRAY ? "its answer is no JSON list" : "its answer is no JSON object";
}

void question_finish(struct question *question)
{
	transfer_free(question->transfer);
	buf_done(&question->body);
}

/* An address may have been given to somebody else since it was written down. */
static const char *stranger(const struct patroni_cluster *cluster, const struct patroni_member *member,
	const json_t *answer, struct arena *mem)
{
	const char *name = json_text_at(answer, "patroni.name", member->name);
	const char *system = json_text_at(answer, "database_system_identifier", NULL);
	if (!json_text_at(answer, "state", NULL))
		return "what answers there is not Patroni";
	if (!text_equal(name, member->name))
		return arena_printf(mem, "at its address answers %s", name);
	if (system && cluster->system && !text_equal(system, cluster->system))
		return arena_printf(
			mem, "at its address answers another cluster (system identifier %s)", system);
	return NULL;
}

void patroni_hear(struct patroni_set *set, const struct patroni_cluster *cluster,
	struct patroni_member *member, json_t *answer, const char *why)
{
	if (!why)
		why = stranger(cluster, member, answer, set->mem);
	if (!why) {
		patroni_take_answer(set, member, answer);
		return;
	}
	member->contact = PATRONI_SILENT;
	member->silence = why;
}

static bool is_askable(const struct patroni_member *member)
{
	return is_url(member->api_url) && member->contact == PATRONI_NOT_ASKED;
}

static size_t count_askable(const struct patroni_set *set)
{
	size_t count = 0;
	for (size_t i = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++)
			count += is_askable(&set->items[i].members[j]);
	return count;
}

static void prepare_all(struct patroni_set *set, struct question *questions, const struct patroni_asking *asking)
{
	for (size_t i = 0, n = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++) {
			struct patroni_member *member = &set->items[i].members[j];
			if (!is_askable(member))
				continue;
			questions[n].member = member;
			questions[n].cluster = &set->items[i];
			question_prepare(
				&questions[n++], member->api_url, set->items[i].access, asking->milliseconds);
		}
}

void questions_run(struct question *questions, size_t count)
{
	struct transfers *transfers = transfers_new(0);
	size_t begun = 0, ended = 0;
	while (ended < count) {
		while (begun < count && begun - ended < LIMIT_PATRONI_ASKED)
			transfers_add(transfers, questions[begun++].transfer);
		transfers_work(transfers);
		for (struct transfer *done; (done = transfers_next(transfers)); ended++)
			transfers_remove(transfers, done);
		if (ended < begun)
			transfers_wait(transfers, PAUSE);
	}
	transfers_free(transfers);
}

void patroni_ask(struct patroni_set *set, const struct patroni_asking *asking)
{
	size_t count = count_askable(set);
	struct question *questions = arena_array(set->mem, count + 1, sizeof(*questions));
	prepare_all(set, questions, asking);
	questions_run(questions, count);
	for (size_t i = 0; i < count; i++) {
		json_t *answer;
		const char *why = question_answer(&questions[i], set->mem, JSON_OBJECT, &answer);
		patroni_hear(set, questions[i].cluster, questions[i].member, answer, why);
		json_decref(answer);
		question_finish(&questions[i]);
	}
}

bool patroni_is_at(const struct patroni_member *member, const char *url)
{
	const char *api = member->api_url;
	size_t length = strlen(url);
	while (length && url[length - 1] == '/')
		length--;
	return api && strncmp(api, url, length) == 0 && (!api[length] || api[length] == '/');
}
