#include "agent/loop/repository_turns.h"

#include <string.h>

#include "base/clock.h"

enum { SLOW_AT_ONCE = REPOSITORIES_AT_ONCE - 1 };

static bool server_answers(const struct agent *agent, const struct repository *repository)
{
	for (size_t i = 0; i < agent->repository_count; i++) {
		const struct repository *other = agent->repositories[i];
		if (other->answered && other->error.kind != ERROR_RETRY &&
			strcmp(other->server, repository->server) == 0)
			return true;
	}
	return false;
}

static bool may_be_slow(const struct agent *agent, const struct repository *repository)
{
	return repository->error.kind == ERROR_RETRY || !server_answers(agent, repository);
}

static bool has_a_place(const struct agent *agent, const struct repository *repository)
{
	size_t slow = 0;
	if (agent->fetching >= REPOSITORIES_AT_ONCE || repository->reading)
		return false;
	if (!may_be_slow(agent, repository))
		return true;
	for (size_t i = 0; i < agent->repository_count; i++) {
		const struct repository *other = agent->repositories[i];
		if (!other->reading || !may_be_slow(agent, other))
			continue;
		if (strcmp(other->server, repository->server) == 0)
			return false;
		slow++;
	}
	return slow < SLOW_AT_ONCE;
}

int64_t repository_rest_until(const struct agent *agent, const char *identity)
{
	int64_t until = 0;
	for (size_t i = 0; i < agent->repository_count; i++) {
		const struct repository *one = agent->repositories[i];
		if (one->rest_until > until && strcmp(one->identity, identity) == 0)
			until = one->rest_until;
	}
	return until;
}

static int64_t due(const struct repository *repository)
{
	return repository->next_poll > repository->rest_until ? repository->next_poll : repository->rest_until;
}

struct repository *repository_next(const struct agent *agent)
{
	struct repository *next = NULL;
	int64_t now = clock_steady();
	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		if (due(repository) <= now && has_a_place(agent, repository) &&
			(!next || repository->asked < next->asked))
			next = repository;
	}
	return next;
}

int64_t repository_next_time(const struct agent *agent)
{
	int64_t when = INT64_MAX;
	for (size_t i = 0; i < agent->repository_count; i++)
		if (due(agent->repositories[i]) < when && has_a_place(agent, agent->repositories[i]))
			when = due(agent->repositories[i]);
	return when;
}
