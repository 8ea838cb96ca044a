/*
 * credentials_match.h - does a configured URL mean this repository?
 *
 * As Argo CD compares them (util/git, NormalizeGitURL): upper and lower case are one, a ".git" or '/' at the end does not count,
 * "git@host:path" is "ssh://git@host/path". Beyond that a port that is the scheme's own may be written or not, and a user that
 * only one of the two names does not count; two users are two repositories. Otherwise than there a prefix ends where a part of the
 * path ends, so that credentials for git.example.org/team never go to git.example.org/team-evil: a prefix that is meant to end within a
 * part says so with a '-' or '_' at its end.
 */
#pragma once

#include "base/arena.h"

/* How well `configured` fits `url`, 0 = not at all. A longer one fits better, one of the same case and user better still; from
   CREDENTIALS_EXACT on it is the whole URL. */
enum { CREDENTIALS_EXACT = 1 << 16 };
int credentials_fit(const char *configured, const char *url, struct arena *mem);

/* It does not fit, but the letters of the one begin the other. */
bool credentials_nearly_fit(const char *configured, const char *url, struct arena *mem);
