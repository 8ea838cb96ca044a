/*
 * github_app.h - a token for the repositories that a GitHub App is installed for
 *
 * The App signs who it is with its private key (a JWT, RS256, good for minutes) and is given a token of an hour. It is asked for by each Git
 * process that talks to the server and lives no longer than that: a secret is written nowhere.
 */
#pragma once

#include "reconcile/source/source.h"

/* `dialer` and `ca_folder` as for http.h; `deadline` on the steady clock. */
struct dialer;
bool github_app_token(const struct source_access *access, struct dialer *dialer, const char *ca_folder,
	int64_t deadline, struct secret *token, struct error *err) MUST_CHECK;
