#include "agent/loop/leader.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/loop/join.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/write_gate.h"
#include "reconcile/kubernetes/lease.h"

/* In the store: the term in which this agent held it last, and what `pgitops status` shows. */
#define TERM "agent.lease"
#define SHOWN "lease"

enum { RANDOM_BYTES = 4, HOST_BYTES = 64, LOOKS_IN_PERIOD = 4 };

struct leader {
	struct agent *agent;
	struct lease lease;
	struct kube_config config;
	struct kube *kube; /* NULL = not read yet */
	char identity[HOST_BYTES + 2 * RANDOM_BYTES + 2];
	char shown[LEASE_HOLDER_SIZE]; /* the holder that the store has */
	bool told;
	char slot[64];
	pthread_t thread;
	bool running;
	int end; /* eventfd, readable when the thread is to end */
	atomic_bool lost;
};

/* The Pod's name, and something that no other process of it has, as client-go does it. */
static void make_identity(struct leader *leader)
{
	unsigned char bytes[RANDOM_BYTES] = {0};
	char host[HOST_BYTES + 1] = "", hex[2 * RANDOM_BYTES + 1];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		log_warning("no random bytes for the identity in the lease", NULL);
	if (gethostname(host, HOST_BYTES) != 0 || !text_is_dns_subdomain(host))
		snprintf(host, sizeof(host), "pgitops");
	text_hex(bytes, sizeof(bytes), hex);
	snprintf(leader->identity, sizeof(leader->identity), "%s_%s", host, hex);
}

struct leader *leader_new(struct agent *agent)
{
	const struct lease_config *config = &agent->config->lease;
	if (!config->used)
		return NULL;
	struct leader *leader = memory_alloc(sizeof(*leader));
	leader->agent = agent;
	make_identity(leader);
	leader->lease = (struct lease){.namespace = config->namespace,
		.name = config->name,
		.identity = leader->identity,
		.duration = config->duration};
	leader->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	write_gate_lease(config->duration - lease_deadline(&leader->lease));
	return leader;
}

void leader_free(struct leader *leader)
{
	if (!leader)
		return;
	kube_close(leader->kube);
	kube_config_done(&leader->config);
	lease_done(&leader->lease);
	if (leader->end > 0)
		close(leader->end);
	free(leader);
}

/* ---- what is told ---- */

/* For `pgitops status`, also where the agent is down. */
static void record(struct leader *leader)
{
	const struct lease *lease = &leader->lease;
	struct error err;
	if (leader->told && strcmp(leader->shown, lease->holder) == 0)
		return;
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:s, s:s, s:b}", "namespace", lease->namespace, "name",
		lease->name, "holder", lease->holder, "identity", lease->identity, "held", lease->held);
	CLEANUP(memory_freep) char *text = json_canonical(document);
	leader->told = store_fact_set(leader->agent->store, SHOWN, text, &err);
	snprintf(leader->shown, sizeof(leader->shown), "%s", lease->holder);
	if (!leader->told)
		log_warning("the holder of the lease could not be recorded", "error", err.text, NULL);
	else if (!lease->held)
		log_info("standing by", "lease", lease->name, "namespace", lease->namespace, "holder",
			*lease->holder ? lease->holder : "nobody", NULL);
}

/* A standby that sees the lease is ready: it can take over, and whoever counts agents may count it. */
static void set_standby(struct leader *leader, const struct error *trouble)
{
	const struct lease *lease = &leader->lease;
	struct agent *agent = leader->agent;
	char slot[ERROR_TEXT_SIZE];
	snprintf(slot, sizeof(slot), "%s", trouble ? trouble->text : "");
	if (trouble && log_changed(leader->slot, slot))
		log_warning("the lease cannot be read", "lease", lease->name, "error", slot, NULL);
	if (!trouble)
		leader->slot[0] = '\0';
	pthread_mutex_lock(&agent->lock);
	snprintf(agent->standby, sizeof(agent->standby),
		"this agent stands by: %.150s holds the lease %.80s/%.80s",
		*lease->holder ? lease->holder : "nobody", lease->namespace, lease->name);
	snprintf(agent->not_ready, sizeof(agent->not_ready), "%s%.200s",
		trouble ? "the lease cannot be read: " : "", slot);
	pthread_mutex_unlock(&agent->lock);
}

static void set_at_work(struct agent *agent)
{
	pthread_mutex_lock(&agent->lock);
	agent->standby[0] = '\0';
	snprintf(agent->not_ready, sizeof(agent->not_ready), "starting");
	pthread_mutex_unlock(&agent->lock);
}

/* ---- taking it ---- */

static bool open_kube(struct leader *leader, struct error *err)
{
	if (leader->kube)
		return true;
	if (!join_config(leader->agent->config, &leader->config, err))
		return false;
	leader->kube = kube_open(&leader->config);
	return true;
}

/* True when a signal came that ends the agent. */
static bool sleep_or_stop(const struct leader *leader, const sigset_t *signals)
{
	int64_t wait = lease_period(&leader->lease) / LOOKS_IN_PERIOD;
	const struct timespec time = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
	int number = sigtimedwait(signals, NULL, &time);
	if (number == SIGTERM || number == SIGINT)
		log_info("stopping", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
	return number == SIGTERM || number == SIGINT;
}

/* Only where nobody else has held it since we did is what the store says of the present true. */
static bool take_store_over(struct leader *leader, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1u << 20);
	struct agent *agent = leader->agent;
	const char *term;
	if (!store_fact_get(agent->store, TERM, mem, &term, err))
		return false;
	if (strcmp(term ? term : "", leader->lease.before) != 0) {
		log_info("another agent was at work meanwhile: the store keeps its history and nothing else",
			"lease", leader->lease.name, NULL);
		if (!store_forget(agent->store, err))
			return false;
		agent->store_rebuilt = true;
		leader->told = false;
	}
	return store_fact_set(agent->store, TERM, leader->lease.term, err);
}

static void open_gate(const struct lease *lease)
{
	write_gate_open(lease->renewed + lease_deadline(lease));
}

bool leader_wait(struct leader *leader, const sigset_t *signals, struct error *err)
{
	*err = (struct error){0};
	if (!leader)
		return true;
	for (;;) {
		struct error trouble;
		atomic_store(&leader->agent->heartbeat, clock_steady());
		bool seen = open_kube(leader, &trouble) && lease_try(&leader->lease, leader->kube, &trouble);
		if (seen && leader->lease.held)
			break;
		if (seen)
			record(leader);
		set_standby(leader, seen ? NULL : &trouble);
		if (sleep_or_stop(leader, signals))
			return false;
	}
	if (!take_store_over(leader, err))
		return false;
	log_info("holding the lease", "lease", leader->lease.name, "namespace", leader->lease.namespace,
		"identity", leader->identity, NULL);
	record(leader);
	set_at_work(leader->agent);
	open_gate(&leader->lease);
	return true;
}

/* ---- keeping it ---- */

static void lose(struct leader *leader)
{
	write_gate_open(0);
	atomic_store(&leader->lost, true);
	log_error("the lease was taken by another agent: this one ends, to stand by when it is started again",
		"lease", leader->lease.name, "holder", leader->lease.holder, NULL);
	record(leader);
	kill(getpid(), SIGUSR1);
}

static bool is_told_to_end(const struct leader *leader, int64_t milliseconds)
{
	struct pollfd poller = {.fd = leader->end, .events = POLLIN};
	return poll(&poller, 1, (int)milliseconds) > 0;
}

/* It was deleted, and made again by us. */
static void keep_term(struct leader *leader, const char *before)
{
	struct error err;
	if (strcmp(before, leader->lease.term) != 0 &&
		!store_fact_set(leader->agent->store, TERM, leader->lease.term, &err))
		log_warning("the term of the lease could not be recorded", "error", err.text, NULL);
}

/* The wait until the next. */
static int64_t renew(struct leader *leader)
{
	struct lease *lease = &leader->lease;
	char before[LEASE_TERM_SIZE];
	struct error err;
	memcpy(before, lease->term, sizeof(before));
	if (lease_try(lease, leader->kube, &err)) {
		if (lease->held) {
			keep_term(leader, before);
			open_gate(lease);
			leader->slot[0] = '\0';
		}
		return lease_period(lease);
	}
	if (log_changed(leader->slot, err.text))
		log_warning("the lease cannot be renewed: nothing is written once it has ended", "lease",
			lease->name, "error", err.text, NULL);
	return lease_period(lease) / LOOKS_IN_PERIOD;
}

static void *keep(void *context)
{
	struct leader *leader = context;
	int64_t wait = lease_period(&leader->lease);
	while (!is_told_to_end(leader, wait)) {
		wait = renew(leader);
		if (!leader->lease.held && *leader->lease.holder) {
			lose(leader);
			break;
		}
	}
	return NULL;
}

bool leader_start(struct leader *leader, struct error *err)
{
	if (!leader)
		return true;
	leader->running = pthread_create(&leader->thread, NULL, keep, leader) == 0;
	return leader->running || error_set(err, ERROR_RETRY, "cannot start the thread that renews the lease");
}

bool leader_lost(const struct leader *leader)
{
	return leader && atomic_load(&leader->lost);
}

void leader_stop(struct leader *leader, bool release)
{
	uint64_t one = 1;
	struct error err;
	if (!leader)
		return;
	if (leader->running && write(leader->end, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(leader->thread, NULL);
	leader->running = false;
	write_gate_open(0);
	if (!release || !leader->lease.held)
		return;
	if (lease_release(&leader->lease, leader->kube, &err))
		record(leader);
	else
		log_warning("the lease could not be given back: another agent waits until it ends", "lease",
			leader->lease.name, "error", err.text, NULL);
}
