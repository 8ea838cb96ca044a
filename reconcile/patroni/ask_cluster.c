/*
 * ask_cluster.c - a cluster that no Kubernetes knows: first what each member says of itself, then its picture of all of them
 */
#include <string.h>

#include "base/text.h"
#include "reconcile/patroni/ask_internal.h"
#include "reconcile/patroni/internal.h"
#include "reconcile/patroni/unheard.h"

/* One that may be asked, and what came of it; the answers are references of its own. */
struct door {
	const char *url;
	json_t *word, *picture;
	const char *shut;         /* why it says nothing of itself */
	const char *picture_shut; /* why it has no picture of the cluster */
};

/* "https://10.0.0.5:8008" with or without a path of its own at the end. */
static const char *url_with(const char *url, const char *path, struct arena *mem)
{
	size_t length = 0;
	for (const char *at = url; *at; at++)
		if (*at != '/')
			length = (size_t)(at - url) + 1;
	return arena_printf(mem, "%.*s%s", (int)length, url, path);
}

/* GET of `path` from those that `is` names: the answer or the reason, by their number. */
static void ask_doors(struct patroni_set *set, struct door *doors, size_t count, const char *path,
	const struct patroni_asking *asking, bool (*is)(const struct door *door),
	void (*answered)(struct door *door, json_t *answer, const char *why))
{
	struct question *questions = arena_array(set->mem, count + 1, sizeof(*questions));
	struct door **asked = arena_array(set->mem, count + 1, sizeof(*asked));
	size_t number = 0;
	for (size_t i = 0; i < count; i++)
		if (is(&doors[i])) {
			asked[number] = &doors[i];
			question_prepare(&questions[number++], url_with(doors[i].url, path, set->mem),
				asking->access, asking->milliseconds);
		}
	questions_run(questions, number);
	for (size_t i = 0; i < number; i++) {
		json_t *answer;
		const char *why = question_answer(&questions[i], set->mem, JSON_OBJECT, &answer);
		answered(asked[i], answer, why);
		question_finish(&questions[i]);
	}
}

static bool is_any(const struct door *door)
{
	return door->url;
}

static void take_word(struct door *door, json_t *word, const char *why)
{
	json_decref(door->word);
	door->word = word;
	door->shut = why;
	door->picture_shut = why;
}

static bool has_spoken(const struct door *door)
{
	return door->word;
}

/*
 * For GET /cluster Patroni asks its store, and where that is away one of its few threads (restapi.thread_pool_size, 5) is held for a whole
 * retry_timeout, long after we have hung up. With none left a replica is too late with its word for a leader in failsafe mode, which steps
 * down then: so nobody is asked who has lost the store by its own word, or has not heard from it since it left us without an answer.
 */
static bool may_have_picture(const struct door *door)
{
	return !door->picture_shut;
}

static void shut_pictures(struct door *doors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct door *door = &doors[i];
		if (door->picture_shut)
			continue;
		if (json_is_true(json_object_get(door->word, "failsafe_mode_is_active")))
			door->picture_shut =
				"in failsafe mode: it does not reach its store, or answers a leader who does not";
		else if (unheard_is(door->url, patroni_number(door->word, "dcs_last_seen", 0)))
			door->picture_shut = "it has heard nothing from its store since it gave no answer";
	}
}

static void take_picture(struct door *door, json_t *picture, const char *why)
{
	if (!why && !json_is_array(json_object_get(picture, "members")))
		why = "what answers there is not Patroni";
	if (why) {
		unheard_note(door->url, patroni_number(door->word, "dcs_last_seen", 0));
		json_decref(picture);
	} else {
		door->picture = picture;
	}
	door->picture_shut = why;
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

static bool agree(const struct door *doors, size_t count)
{
	const json_t *first = NULL;
	for (size_t i = 0; i < count; i++) {
		const json_t *picture = doors[i].picture;
		if (first && picture && !text_equal(leader_of(first), leader_of(picture)))
			return false;
		first = first ? first : picture;
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
static int trust(const char *leader, const struct door *doors, size_t count)
{
	for (size_t i = 0; *leader && i < count; i++)
		if (text_equal(json_text_at(doors[i].word, "patroni.name", NULL), leader))
			return takes_writes(doors[i].word) ? 2 : 0;
	return *leader ? 1 : 0;
}

/*
 * The picture whose leader takes writes by its own word; where that says nothing, of the member that heard from the store last (which
 * a member says of its own cache, so that with Kubernetes one that is cut off has always just heard).
 */
static const struct door *believable(const struct door *doors, size_t count)
{
	const struct door *found = doors;
	int most = -1;
	int64_t newest = -1;
	for (size_t i = 0; i < count; i++) {
		int trusted = doors[i].picture ? trust(leader_of(doors[i].picture), doors, count) : -1;
		int64_t heard = patroni_number(doors[i].word, "dcs_last_seen", 0);
		if (trusted < 0 || trusted < most || (trusted == most && heard <= newest))
			continue;
		most = trusted;
		newest = heard;
		found = &doors[i];
	}
	return found;
}

/*
 * Any picture does while all name the same leader. One that is cut off from the store goes on answering with what it knew last: asked
 * first, it would hide the new leader for as long as that lasts. Words that are older than the pictures would speak for the old one.
 */
static const struct door *choose(
	struct patroni_set *set, struct door *doors, size_t count, const struct patroni_asking *asking)
{
	if (!agree(doors, count)) {
		ask_doors(set, doors, count, "/patroni", asking, has_spoken, take_word);
		return believable(doors, count);
	}
	for (size_t i = 0; i < count; i++)
		if (doors[i].picture)
			return &doors[i];
	return NULL;
}

static void note_misled(struct patroni_cluster *cluster, const struct door *doors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; doors[i].picture && j < cluster->member_count; j++)
			if (patroni_is_at(&cluster->members[j], doors[i].url))
				cluster->members[j].misled =
					!text_equal(leader_of(doors[i].picture), cluster->leader);
}

/* Of whose URL it is known what it says of itself. */
static void take_words(
	struct patroni_set *set, struct patroni_cluster *cluster, const struct door *doors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < cluster->member_count; j++)
			if (patroni_is_at(&cluster->members[j], doors[i].url))
				patroni_hear(set, cluster, &cluster->members[j], doors[i].word, doors[i].shut);
}

/* Of the one whose picture it is: its store has just answered. No answer is no empty history. */
static void ask_more(struct patroni_set *set, struct patroni_cluster *cluster, const char *url,
	const struct patroni_asking *asking)
{
	enum { CONFIG, HISTORY, MORE };
	static const char *const paths[MORE] = {"/config", "/history"};
	struct question questions[MORE];
	json_t *config, *history;
	for (size_t i = 0; i < MORE; i++)
		question_prepare(&questions[i], url_with(url, paths[i], set->mem), asking->access,
			asking->milliseconds);
	questions_run(questions, MORE);
	if (!question_answer(&questions[CONFIG], set->mem, JSON_OBJECT, &config))
		patroni_take_config(set, cluster, config);
	const char *why = question_answer(&questions[HISTORY], set->mem, JSON_ARRAY, &history);
	if (why)
		cluster->history_unknown = arena_printf(set->mem, "GET /history: %s", why);
	else
		patroni_take_history(set, cluster, history);
	json_decref(config);
	json_decref(history);
	for (size_t i = 0; i < MORE; i++)
		question_finish(&questions[i]);
}

/* Members answer GET /patroni when their store is away, too. */
static bool take_alone(
	struct patroni_set *set, const char *name, const struct door *doors, size_t count, const char *why)
{
	bool taken = false;
	for (size_t i = 0; i < count; i++)
		taken |= doors[i].word &&
			patroni_take_alone(
				set, name, url_with(doors[i].url, "/patroni", set->mem), doors[i].word, why);
	return taken;
}

static void ask_pictures(
	struct patroni_set *set, struct door *doors, size_t count, const struct patroni_asking *asking)
{
	if (!asking->picture_alone) {
		ask_doors(set, doors, count, "/patroni", asking, is_any, take_word);
		shut_pictures(doors, count);
	}
	ask_doors(set, doors, count, "/cluster", asking, may_have_picture, take_picture);
}

bool patroni_ask_cluster(struct patroni_set *set, const char *name, const char *const *urls, size_t count,
	const struct patroni_asking *asking, struct error *err)
{
	struct door *doors = arena_array(set->mem, count + 1, sizeof(*doors));
	const char *whys = NULL;
	for (size_t i = 0; i < count; i++)
		doors[i].url = urls[i];
	ask_pictures(set, doors, count, asking);
	for (size_t i = 0; i < count; i++)
		if (doors[i].picture_shut)
			whys = arena_join(set->mem, whys, "; ",
				arena_printf(set->mem, "%s: %s", urls[i], doors[i].picture_shut));
	const struct door *chosen = choose(set, doors, count, asking);
	bool found = chosen;
	if (chosen) {
		struct patroni_cluster *cluster = patroni_take_cluster(set, name, chosen->picture);
		cluster->access = asking->access;
		note_misled(cluster, doors, count);
		if (asking->more)
			ask_more(set, cluster, chosen->url, asking);
		if (!asking->picture_alone)
			take_words(set, cluster, doors, count);
	} else if (asking->more) {
		found = take_alone(set, name, doors, count, whys);
	}
	for (size_t i = 0; i < count; i++) {
		json_decref(doors[i].picture);
		json_decref(doors[i].word);
	}
	return found || error_set(err, ERROR_RETRY, "%s", whys ? whys : "there is no URL to ask");
}
