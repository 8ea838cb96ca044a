/*
 * cluster_psql.h - psql as a child: with a terminal of ours, and a password that nobody sees
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"

struct psql_call {
	const char *host;    /* for the prompt and a certificate's name */
	const char *address; /* where it connects instead; NULL = to `host` */
	int port;
	const char *user, *database;   /* NULL = as psql has it */
	const char *connection;        /* more of a conninfo, without password; NULL = none */
	const struct secret *password; /* empty = psql asks, or finds it in ~/.pgpass */
	char *const *arguments;        /* of the person */
	int count;
	mode_t umask; /* what it writes (\o, \copy) is the person's */
};

/* ERROR_MISSING, with the package that has it, where there is no psql. */
bool psql_find(const char **program, struct arena *mem, struct error *err) MUST_CHECK;

/* Starts it. The password is a file in memory that only this child has open, for PGPASSFILE: in no argument, no environment, on no disk. Signals of
   the terminal are psql's from now on. */
bool psql_start(const char *program, const struct psql_call *call, struct arena *mem, pid_t *child,
	struct error *err) MUST_CHECK;

/* Waits for its end; its exit code. */
int psql_wait(pid_t child);

/* As a shell has it: its exit code, or 128 and the signal. */
int psql_exit_code(int status);
