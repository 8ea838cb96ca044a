/*
 * exchange.h - is a verifier one of this password, as libpq makes a login of it? (internal to the room)
 *
 * Client and server normalise a password before they derive from it (SASLprep, RFC 4013: compatibility forms, soft hyphens, ...).
 * libpq does that and offers it to nobody; PQencryptPasswordConn() uses a salt of its own, so its result cannot be compared with
 * a verifier that is there. So libpq is asked to log in: it gets the salt and the iterations of the verifier from us, over a socket of
 * this process, and its proof is checked as a server would (RFC 5802). Nothing but proofs leaves it.
 */
#pragma once

#include "base/secret.h"
#include "reconcile/postgres/scram.h"

/* False also when the exchange cannot be made. `password` has no NUL inside. */
bool exchange_proves(const struct secret *password, const struct scram_verifier *verifier);
