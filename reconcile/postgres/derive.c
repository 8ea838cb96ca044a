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

static bool matches(const char *found, const struct secret *password)
{
	struct scram_verifier verifier;
	return found && scram_parse(found, strlen(found), &verifier) &&
		verifier.iterations >= SCRAM_ITERATIONS &&
		scram_check(&verifier, password->bytes, password->length);
}

/* Normalising may change it, and then only libpq can say whether it is what the verifier was made of. */
static void derive_beyond_ascii(struct derivation *job)
{
	struct scram_verifier verifier;
	job->matches = job->found && scram_parse(job->found, strlen(job->found), &verifier) &&
		verifier.iterations >= SCRAM_ITERATIONS && exchange_proves(&job->password, &verifier);
	if (!job->matches)
		(void)make_normalised(&job->password, job->verifier, &job->error);
}

static void derive_one(struct derivation *job)
{
	if (!scram_is_ascii(job->password.bytes, job->password.length)) {
		derive_beyond_ascii(job);
		return;
	}
	job->matches = matches(job->found, &job->password);
	if (!job->matches && !scram_make(job->password.bytes, job->password.length, job->verifier, &job->error))
		job->verifier[0] = '\0';
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
