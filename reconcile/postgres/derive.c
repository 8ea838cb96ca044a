#include "reconcile/postgres/derive.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "reconcile/postgres/exchange.h"

/* Below this many, starting a thread costs more than it saves. */
enum { WORTH_A_THREAD = 16 };

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
};

static void *derive_share(void *argument)
{
	struct share *share = argument;
	for (size_t i = 0; i < share->count; i++)
		derive_one(&share->jobs[i]);
	return NULL;
}

void derive_all(struct derivation *jobs, size_t count)
{
	pthread_t thread;
	struct share all = {jobs, count};
	struct share rest = {jobs + count / 2, count - count / 2};
	if (count < WORTH_A_THREAD || pthread_create(&thread, NULL, derive_share, &rest) != 0) {
		derive_share(&all);
		return;
	}
	all.count = count / 2;
	derive_share(&all);
	pthread_join(thread, NULL);
}
