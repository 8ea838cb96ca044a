#include "reconcile/patroni/ask.h"

#include <string.h>

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
static const char *read_answer(struct question *question, struct arena *mem, json_type type, json_t **value)
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
	const char *why = read_answer(question, set->mem, JSON_OBJECT, &answer);
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
	if (!read_answer(question, set->mem, JSON_OBJECT, &answer))
		patroni_take_config(set, cluster, answer);
	json_decref(answer);
}

/* No answer is no empty history. */
static void take_history(struct patroni_set *set, struct patroni_cluster *cluster, struct question *question)
{
	json_t *answer;
	const char *why = read_answer(question, set->mem, JSON_ARRAY, &answer);
	if (why)
		cluster->history_unknown = arena_printf(set->mem, "GET /history: %s", why);
	else
		patroni_take_history(set, cluster, answer);
	json_decref(answer);
}

bool patroni_is_at(const struct patroni_member *member, const char *url)
{
	const char *api = member->api_url;
	size_t length = strlen(url);
	while (length && url[length - 1] == '/')
		length--;
	return api && strncmp(api, url, length) == 0 && (!api[length] || api[length] == '/');
}

/* Whom a picture of the cluster has as the leader. */
static const char *leader_of(const json_t *picture)
{
	const json_t *member;
	size_t i;
	json_array_foreach (json_object_get(picture, "members"), i, member) {
		const char *role = json_text_at(member, "role", "");
		if (text_equal(role, "leader") || text_equal(role, "standby_leader"))
			return json_text_at(member, "name", "");
	}
	return "";
}

static bool agree(json_t *const *pictures, size_t count)
{
	const json_t *first = NULL;
	for (size_t i = 0; i < count; i++) {
		if (first && pictures[i] && !text_equal(leader_of(first), leader_of(pictures[i])))
			return false;
		first = first ? first : pictures[i];
	}
	return true;
}

static bool takes_writes(const json_t *answer)
{
	const char *role = json_text_at(answer, "role", "");
	return text_equal(json_text_at(answer, "state", ""), "running") &&
		(text_equal(role, "primary") || text_equal(role, "master"));
}

/* Does whom a picture has as the leader take writes, by its own word: 2 = yes, 1 = nobody knows, 0 = no. */
static int trust(const char *leader, json_t *const *words, size_t count)
{
	for (size_t i = 0; *leader && i < count; i++)
		if (text_equal(json_text_at(words[i], "patroni.name", NULL), leader))
			return takes_writes(words[i]) ? 2 : 0;
	return *leader ? 1 : 0;
}

/* What each says of itself: GET /patroni; NULL where it says nothing. */
static void ask_words(struct patroni_set *set, const char *const *urls, json_t **words, size_t count,
	const struct patroni_asking *asking)
{
	struct question *questions = arena_array(set->mem, count + 1, sizeof(*questions));
	for (size_t i = 0; i < count; i++)
		prepare(&questions[i], url_with(urls[i], "/patroni", set->mem), asking->access,
			asking->milliseconds);
	run(questions, count);
	for (size_t i = 0; i < count; i++) {
		(void)read_answer(&questions[i], set->mem, JSON_OBJECT, &words[i]);
		finish(&questions[i]);
	}
}

/*
 * The picture whose leader takes writes by its own word; where that says nothing, of the member that heard from the store last (which
 * a member says of its own cache, so that with Kubernetes one that is cut off has always just heard).
 */
static size_t believable(struct patroni_set *set, const char *const *urls, json_t *const *pictures,
	size_t count, const struct patroni_asking *asking)
{
	json_t **words = arena_array(set->mem, count + 1, sizeof(json_t *));
	int most = -1;
	int64_t newest = -1;
	size_t found = 0;
	ask_words(set, urls, words, count, asking);
	for (size_t i = 0; i < count; i++) {
		int trusted = pictures[i] ? trust(leader_of(pictures[i]), words, count) : -1;
		int64_t heard = patroni_number(words[i], "dcs_last_seen", 0);
		if (trusted < 0 || trusted < most || (trusted == most && heard <= newest))
			continue;
		most = trusted;
		newest = heard;
		found = i;
	}
	for (size_t i = 0; i < count; i++)
		json_decref(words[i]);
	return found;
}

/*
 * Any picture does while all name the same leader. One that is cut off from the store goes on answering with what it knew last: asked
 * first, it would hide the new leader for as long as that lasts.
 */
static size_t choose(struct patroni_set *set, const char *const *urls, json_t *const *pictures, size_t count,
	const struct patroni_asking *asking)
{
	size_t first = 0;
	if (!agree(pictures, count))
		return believable(set, urls, pictures, count, asking);
	while (first < count && !pictures[first])
		first++;
	return first;
}

static void note_misled(struct patroni_cluster *cluster, const char *const *urls, json_t *const *pictures,
	size_t count, size_t chosen)
{
	const char *leader = leader_of(pictures[chosen]);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; pictures[i] && j < cluster->member_count; j++)
			if (patroni_is_at(&cluster->members[j], urls[i]))
				cluster->members[j].misled = !text_equal(leader_of(pictures[i]), leader);
}

/* In the order of the paths: all with `more`, two with `alone`, else the first one. */
enum { CLUSTER, ALONE, CONFIG, HISTORY, PATHS };
static const char *const paths[PATHS] = {"/cluster", "/patroni", "/config", "/history"};

/* Whose URL was asked for its own word has said it, or is silent. */
static void take_words(struct patroni_set *set, struct patroni_cluster *cluster, const char *const *urls,
	struct question *questions, size_t count, size_t each)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < cluster->member_count; j++) {
			struct question *question = &questions[each * i + ALONE];
			if (!patroni_is_at(&cluster->members[j], urls[i]))
				continue;
			question->member = &cluster->members[j];
			question->cluster = cluster;
			take(set, question);
		}
}

/* Members answer GET /patroni when their store is away, too. */
static bool take_alone(struct patroni_set *set, const char *name, const char *const *urls,
	struct question *questions, size_t count, const char *why)
{
	bool taken = false;
	for (size_t i = 0; i < count; i++) {
		json_t *answer;
		if (!read_answer(&questions[PATHS * i + ALONE], set->mem, JSON_OBJECT, &answer))
			taken |= patroni_take_alone(
				set, name, url_with(urls[i], paths[ALONE], set->mem), answer, why);
		json_decref(answer);
	}
	return taken;
}

bool patroni_ask_cluster(struct patroni_set *set, const char *name, const char *const *urls, size_t count,
	const struct patroni_asking *asking, struct error *err)
{
	size_t asked = asking->more ? PATHS : asking->alone ? ALONE + 1 : CLUSTER + 1;
	struct question *questions = arena_array(set->mem, asked * count + 1, sizeof(*questions));
	json_t **pictures = arena_array(set->mem, count + 1, sizeof(json_t *));
	const char *whys = NULL;
	for (size_t i = 0; i < asked * count; i++)
		prepare(&questions[i], url_with(urls[i / asked], paths[i % asked], set->mem), asking->access,
			asking->milliseconds);
	run(questions, asked * count);
	for (size_t i = 0; i < count; i++) {
		const char *why = read_answer(&questions[asked * i], set->mem, JSON_OBJECT, &pictures[i]);
		if (!why && !json_is_array(json_object_get(pictures[i], "members"))) {
			why = "what answers there is not Patroni";
			json_decref(pictures[i]);
			pictures[i] = NULL;
		}
		if (why)
			whys = arena_join(set->mem, whys, "; ", arena_printf(set->mem, "%s: %s", urls[i], why));
	}
	size_t chosen = choose(set, urls, pictures, count, asking);
	bool found = chosen < count;
	if (found) {
		struct patroni_cluster *cluster = patroni_take_cluster(set, name, pictures[chosen]);
		cluster->access = asking->access;
		note_misled(cluster, urls, pictures, count, chosen);
		if (asking->more) {
			take_config(set, cluster, &questions[asked * chosen + CONFIG]);
			take_history(set, cluster, &questions[asked * chosen + HISTORY]);
		}
		if (asked > ALONE)
			take_words(set, cluster, urls, questions, count, asked);
	} else if (asking->more) {
		found = take_alone(set, name, urls, questions, count, whys);
	}
	for (size_t i = 0; i < count; i++)
		json_decref(pictures[i]);
	for (size_t i = 0; i < asked * count; i++)
		finish(&questions[i]);
	return found || error_set(err, ERROR_RETRY, "%s", whys ? whys : "there is no URL to ask");
}
