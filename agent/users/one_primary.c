#include "agent/users/one_primary.h"

#include <string.h>

#include "agent/users/patroni_access.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/patroni/ask.h"

const char *connection_value(const char *text, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(1024);
	buf_char(&out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(&out, '\\');
		buf_char(&out, *text);
	}
	buf_char(&out, '\'');
	return arena_copy(mem, buf_string(&out));
}

/* All that is asked of the members, judged. */
static bool look(const struct database_config *config, struct patroni_set *set, struct error *err)
{
	CLEANUP(patroni_access_done) struct patroni_access access = {0};
	struct patroni_asking asking = {.access = &access, .milliseconds = LIMIT_PATRONI_MILLISECONDS};
	if (!patroni_access_open(config, false, set->mem, &access, err))
		return false;
	if (!patroni_ask_cluster(set, config->name, config->patroni, config->patroni_count, &asking, err))
		return error_prefix(err, "Patroni gives no answer");
	patroni_ask(set, &asking);
	patroni_judge(set, clock_now());
	set->items[0].access = NULL;
	return true;
}

/* Who leads, and whom to ask whether that is still so. */
struct leadership {
	const struct database_config *config;
	const char *cluster, *leader, *host;
	int64_t port;
	const char **urls; /* of the members that answered, the leader's last */
	size_t count, next;
};

static const char *words(const struct patroni_cluster *cluster, const struct leadership *then, struct arena *mem)
{
	const struct patroni_member *now = patroni_member(cluster, cluster->leader);
	if (!text_equal(cluster->name, then->cluster))
		return arena_printf(mem, "what answers there is the cluster %s now", cluster->name);
	if (!now)
		return "there is no leader at the moment";
	if (!text_equal(now->name, then->leader))
		return arena_printf(mem, "the leader is %s now", now->name);
	return text_equal(now->host, then->host) && now->port == then->port ? NULL
									    : "it has another address now";
}

/* One that is silent costs its deadline once: from then on another one is asked. */
static bool still_leads(void *context, struct error *err)
{
	struct leadership *then = context;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(patroni_access_done) struct patroni_access access = {0};
	struct patroni_asking asking = {
		.access = &access, .picture_alone = true, .milliseconds = LIMIT_PATRONI_MILLISECONDS};
	struct patroni_set set = {.mem = mem};
	struct error why = {0};
	bool found = false;
	if (!patroni_access_open(then->config, false, mem, &access, err))
		return false;
	for (size_t i = 0; !found && i < then->count; i++) {
		found = patroni_ask_cluster(&set, then->cluster, &then->urls[then->next], 1, &asking, &why);
		then->next = found ? then->next : (then->next + 1) % then->count;
	}
	const char *moved = found ? words(&set.items[0], then, mem) : NULL;
	if (!found)
		error_set(err, ERROR_RETRY,
			"no member says whether %s still leads, so what was not committed is rolled back: %s",
			then->leader, why.text);
	else if (moved)
		error_set(err, ERROR_RETRY,
			"%s is not the leader that it was when the pass began, so what was not committed is rolled back: %s",
			then->leader, moved);
	patroni_done(&set);
	return found && !moved;
}

/* "http://10.0.0.5:8008/patroni" without its path. */
static const char *authority(const char *url, struct arena *mem)
{
	const char *host = strstr(url, "://");
	return arena_copy_n(mem, url, host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url));
}

/* Of the members that answered: the leader, or the others, misled or not. */
static void add_urls(struct leadership *then, const struct patroni_cluster *cluster, bool leader, bool misled,
	struct arena *mem)
{
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (member->contact == PATRONI_ANSWERED && text_equal(member->name, then->leader) == leader &&
			(leader || member->misled == misled))
			then->urls[then->count++] = authority(member->api_url, mem);
	}
}

/*
 * Whoever had another leader already when the pass began says nothing of a change since, where somebody else agrees with the leader. Where nobody
 * does, it may as well be the leader whom nobody has told yet: then they are asked.
 */
static void choose_witnesses(struct leadership *then, const struct patroni_cluster *cluster, struct arena *mem)
{
	add_urls(then, cluster, false, false, mem);
	if (!then->count)
		add_urls(then, cluster, false, true, mem);
	add_urls(then, cluster, true, false, mem);
}

static const struct session_witness *witness(const struct database_config *config,
	const struct patroni_cluster *cluster, const struct patroni_member *leader, struct arena *mem)
{
	struct session_witness *made = arena_alloc(mem, sizeof(*made));
	struct leadership *then = arena_alloc(mem, sizeof(*then));
	*then = (struct leadership){.config = config,
		.cluster = cluster->name,
		.leader = leader->name,
		.host = leader->host,
		.port = leader->port,
		.urls = arena_array(mem, cluster->member_count, sizeof(*then->urls))};
	choose_witnesses(then, cluster, mem);
	*made = (struct session_witness){.agrees = still_leads, .context = then};
	return made;
}

static bool choose(const struct database_config *config, const struct patroni_cluster *cluster,
	struct arena *mem, struct session_target *target, struct error *err)
{
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	if (cluster->bad)
		return error_set(err, ERROR_RETRY, "%s: no user is changed while that is so",
			cluster->problems[0].text);
	if (leader->role == PATRONI_STANDBY_LEADER)
		return error_set(
			err, ERROR_RETRY, "%s is a standby cluster: its primary is elsewhere", cluster->name);
	if (!leader->host || !leader->port)
		return error_set(err, ERROR_RETRY, "Patroni does not say where the leader %s is", leader->name);
	target->connection = arena_printf(mem, "%s host=%s port=%lld", config->connection,
		connection_value(leader->host, mem), (long long)leader->port);
	target->witness = witness(config, cluster, leader, mem);
	return true;
}

bool one_primary(const struct database_config *config, struct arena *mem, struct session_target *target,
	struct error *err)
{
	struct patroni_set set = {.mem = mem};
	bool ok = look(config, &set, err) && choose(config, &set.items[0], mem, target, err);
	patroni_done(&set);
	return ok;
}
