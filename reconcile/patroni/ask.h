/*
 * ask.h - the members' own answers, all asked at once
 *
 * The addresses are what Patroni wrote into the Pods (api_url) or what the agent file names: GET alone, no credentials, no redirect is
 * followed, no proxy, at most LIMIT_PATRONI_ANSWER bytes, and of an answer only fields are shown. Reading needs no password in Patroni.
 */
#pragma once

#include "base/error.h"
#include "reconcile/patroni/patroni.h"

struct patroni_asking {
	const char *ca; /* PEM for patroni_ask_cluster(), which gives it to the cluster; NULL = the system's list */
	int64_t milliseconds; /* until an answer must be there: a member that is silent costs this once, however many are */
};

/* GET /patroni of every member that says where it can be asked. */
void patroni_ask(struct patroni_set *set, const struct patroni_asking *asking);

/* GET /cluster of the first of these URLs that answers, for a cluster that no Kubernetes knows; then its members are to be asked.
   `name` is what it is called where the answer does not say (before Patroni 3.2). ERROR_RETRY names each URL and why it gave none. */
bool patroni_ask_cluster(struct patroni_set *set, const char *name, const char *const *urls, size_t count,
	const struct patroni_asking *asking, struct error *err) MUST_CHECK;
