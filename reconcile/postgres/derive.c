#include "reconcile/postgres/derive.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "reconcile/postgres/exchange.h"

/* A thread for fewer costs more than it saves; and a pass is not all that the machine does. */
enum { WORTH_A_THREAD = 16, MOST_THREADS = 32 };

/*
 * Passwords beyond ASCII are normalised by client and server (SASLprep), which libpq does but does not offer on its own. It makes
 * a verifier of the normalised password without asking a server; the connection is only where it puts its error message, and
 * is never made.
 */
static bool make_normalised(const struct secret *password, char text[SCRAM_TEXT_SIZE], struct error *err)
{
	PGconn *nowhere = PQconnectStart("port=0");
	char *made = nowhere ? PQencryptPasswordConn(nowhere, password->bytes, "", "scram-sha-256") : NULL;
	bool ok = made && strlen(made) < SCRAM_TEXT_SIZE;
	if (ok)
		snprintf(text, SCRAM_TEXT_SIZE, "%s", made);
	else
		error_set(err, ERROR_INVALID, "libpq cannot make a verifier of this password");
	PQfreemem(made);
	PQfinish(nowhere);
	return ok;
}

static int wanted_iterations(const struct derivation *job)
{
	return job->iterations ? job->iterations : SCRAM_ITERATIONS;
}

static bool matches(const struct derivation *job)
{
	struct scram_verifier verifier;
	return scram_parse(job->found, strlen(job->found), &verifier) &&
		verifier.iterations >= wanted_iterations(job) &&
		scram_check(&verifier, job->password.bytes, job->password.length);
}

/* Normalising may change it, and then only libpq can say whether it is what the verifier was made of, and only libpq make one. */
static bool matches_beyond_ascii(struct derivation *job)
{
	struct scram_verifier verifier;
	int fewest = wanted_iterations(job) < SCRAM_ITERATIONS ? wanted_iterations(job) : SCRAM_ITERATIONS;
	if (!scram_parse(job->found, strlen(job->found), &verifier) || verifier.iterations < fewest ||
		!exchange_proves(&job->password, &verifier))
		return false;
	job->fewer = verifier.iterations < wanted_iterations(job);
	return true;
}

static void make(struct derivation *job, bool ascii)
{
	bool ok = ascii ? scram_make(job->password.bytes, job->password.length, wanted_iterations(job),
				  job->verifier, &job->error)
			: make_normalised(&job->password, job->verifier, &job->error);
	if (!ok)
		job->verifier[0] = '\0';
	job->fewer = ok && !ascii && wanted_iterations(job) > SCRAM_ITERATIONS;
}

static void derive_one(struct derivation *job)
{
	bool ascii = scram_is_ascii(job->password.bytes, job->password.length);
	if (job->found && job->md5_is_fine)
		job->matches =
			scram_md5_matches(job->found, job->user, job->password.bytes, job->password.length);
	if (job->found && !job->matches)
		job->matches = ascii ? matches(job) : matches_beyond_ascii(job);
	if (!job->matches)
		make(job, ascii);
}

struct share {
	struct derivation *jobs;
	size_t count;
	pthread_t thread;
	bool started;
};

static void *derive_share(void *argument)
{
	struct share *share = argument;
	for (size_t i = 0; i < share->count; i++)
		derive_one(&share->jobs[i]);
	return NULL;
}

/* The cores that this process may use, which in a container may be fewer than there are. */
static size_t core_count(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return count < 1 ? 1 : count > MOST_THREADS ? MOST_THREADS : (size_t)count;
}

/* The first share is the caller's own; one whose thread cannot be started is, too. */
void derive_all(struct derivation *jobs, size_t count)
{
	struct share shares[MOST_THREADS] = {0};
	size_t cores = core_count(), worth = count / WORTH_A_THREAD + 1, given = 0;
	size_t used = cores < worth ? cores : worth;

	for (size_t i = 0; i < used; i++) {
		size_t end = count * (i + 1) / used;
		shares[i].jobs = jobs + given;
		shares[i].count = end - given;
		given = end;
	}
	for (size_t i = 1; i < used; i++)
		shares[i].started = pthread_create(&shares[i].thread, NULL, derive_share, &shares[i]) == 0;
	for (size_t i = 0; i < used; i++)
		if (!shares[i].started)
			derive_share(&shares[i]);
	for (size_t i = 1; i < used; i++)
		if (shares[i].started)
			pthread_join(shares[i].thread, NULL);
}
