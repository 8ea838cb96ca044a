#include "reconcile/patroni/ask.h"

#include "base/buf.h"
#include "base/http/transfer.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/patroni/ask_internal.h"
#include "reconcile/patroni/internal.h"

enum { PAUSE = 100 };

struct question {
	struct patroni_member *member;
	const struct patroni_cluster *cluster;
	struct transfer *transfer;
	struct buf body;
};

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

static void prepare(
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

/* Why an answer is none, in `mem`; NULL = `value` is it, a new reference. */
static const char *read_answer(struct question *question, struct arena *mem, json_t **value)
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
	if (json_is_object(*value))
		return NULL;
	json_decref(*value);
	*value = NULL;
	return "its answer is no JSON object";
}

static void finish(struct question *question)
{
	transfer_free(question->transfer);
	buf_done(&question->body);
}

/* An address may have been given to somebody else since it was written down. */
static const char *stranger(const struct question *question, const json_t *answer, struct arena *mem)
{
	const char *name = json_text_at(answer, "patroni.name", question->member->name);
	const char *system = json_text_at(answer, "database_system_identifier", NULL);
	if (!json_text_at(answer, "state", NULL))
		return "what answers there is not Patroni";
	if (!text_equal(name, question->member->name))
		return arena_printf(mem, "at its address answers %s", name);
	if (system && question->cluster->system && !text_equal(system, question->cluster->system))
		return arena_printf(
			mem, "at its address answers another cluster (system identifier %s)", system);
	return NULL;
}

static void take(struct patroni_set *set, struct question *question)
{
	json_t *answer;
	const char *why = read_answer(question, set->mem, &answer);
	if (!why)
		why = stranger(question, answer, set->mem);
	if (!why) {
		patroni_take_answer(set, question->member, answer);
	} else {
		question->member->contact = PATRONI_SILENT;
		question->member->silence = why;
	}
	json_decref(answer);
}

static size_t count_askable(const struct patroni_set *set)
{
	size_t count = 0;
	for (size_t i = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++)
			count += is_url(set->items[i].members[j].api_url);
	return count;
}

static void prepare_all(struct patroni_set *set, struct question *questions, const struct patroni_asking *asking)
{
	for (size_t i = 0, n = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++) {
			struct patroni_member *member = &set->items[i].members[j];
			if (!is_url(member->api_url))
				continue;
			questions[n].member = member;
			questions[n].cluster = &set->items[i];
			prepare(&questions[n++], member->api_url, set->items[i].access, asking->milliseconds);
		}
}

/* So many at a time: a cluster of thousands has no more files open than it may. */
static void run(struct question *questions, size_t count)
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
	run(questions, count);
	for (size_t i = 0; i < count; i++) {
		take(set, &questions[i]);
		finish(&questions[i]);
	}
}

/* "https://10.0.0.5:8008" with or without a path of its own at the end. */
static const char *url_with(const char *url, const char *path, struct arena *mem)
{
	size_t length = 0;
	for (const char *at = url; *at; at++)
		if (*at != '/')
			length = (size_t)(at - url) + 1;
	return arena_printf(mem, "%.*s%s", (int)length, url, path);
}

static void take_config(struct patroni_set *set, struct patroni_cluster *cluster, struct question *question)
{
	json_t *answer;
	if (!read_answer(question, set->mem, &answer))
		patroni_take_config(set, cluster, answer);
	json_decref(answer);
}

bool patroni_ask_cluster(struct patroni_set *set, const char *name, const char *const *urls, size_t count,
	const struct patroni_asking *asking, struct error *err)
{
	static const char *const paths[] = {"/cluster", "/config"};
	size_t asked = asking->config ? COUNT_OF(paths) : 1;
	struct question *questions = arena_array(set->mem, asked * count + 1, sizeof(*questions));
	const char *whys = NULL;
	bool found = false;
	for (size_t i = 0; i < asked * count; i++)
		prepare(&questions[i], url_with(urls[i / asked], paths[i % asked], set->mem), asking->access,
			asking->milliseconds);
	run(questions, asked * count);
	for (size_t i = 0; i < count; i++) {
		json_t *answer;
		const char *why = read_answer(&questions[asked * i], set->mem, &answer);
		if (!why && !json_is_array(json_object_get(answer, "members")))
			why = "what answers there is not Patroni";
		if (why)
			whys = arena_join(set->mem, whys, "; ", arena_printf(set->mem, "%s: %s", urls[i], why));
		else if (!found) {
			struct patroni_cluster *cluster = patroni_take_cluster(set, name, answer);
			cluster->access = asking->access;
			if (asking->config)
				take_config(set, cluster, &questions[asked * i + 1]);
			found = true;
		}
		json_decref(answer);
	}
	for (size_t i = 0; i < asked * count; i++)
		finish(&questions[i]);
	return found || error_set(err, ERROR_RETRY, "%s", whys ? whys : "there is no URL to ask");
}
