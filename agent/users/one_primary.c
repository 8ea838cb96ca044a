#include "agent/users/one_primary.h"

#include "agent/users/patroni_access.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
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

static bool choose(const struct database_config *config, const struct patroni_cluster *cluster,
	struct arena *mem, const char **connection, struct error *err)
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
	*connection = arena_printf(mem, "%s host=%s port=%lld", config->connection,
		connection_value(leader->host, mem), (long long)leader->port);
	return true;
}

bool one_primary(
	const struct database_config *config, struct arena *mem, const char **connection, struct error *err)
{
	struct patroni_set set = {.mem = mem};
	bool ok = look(config, &set, err) && choose(config, &set.items[0], mem, connection, err);
	patroni_done(&set);
	return ok;
}
