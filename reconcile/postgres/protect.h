/*
 * protect.h - to whom, and in which form, a password is given (internal to the room)
 *
 * A server chooses how it is told a password, and libpq obeys: whoever answers at the address may ask for it in clear text, in
 * TLS with any certificate, too. Only channel binding (RFC 5802, tls-server-end-point) excludes that in every libpq since 13: the
 * password leaves as a SCRAM proof or not at all, the server has to prove that it knows the verifier, and a man in the middle with
 * a certificate of his own fails both. `require_auth` of libpq 16 excludes other forms without TLS, too; whether the libpq of this
 * machine has it is asked at run time.
 *
 * A Unix socket and the loopback address are this machine: there nothing is asked for unless the agent file asks for it.
 */
#pragma once

#include "reconcile/postgres/options.h"
#include "reconcile/postgres/session.h"

/* Adds what `session->authentication` needs, or refuses before anything is sent. */
bool protect_password(const struct session *session, struct options *options, struct error *err) MUST_CHECK;

/* libpq's refusal to give the password away, from its message. */
bool protect_was_refused(const char *message);
