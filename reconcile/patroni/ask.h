/*
 * ask.h - the members' own answers, all asked at once
 *
 * The addresses are what Patroni wrote into the Pods (api_url) or what the agent file names: GET alone, no password, no redirect is
 * followed, no proxy, at most LIMIT_PATRONI_ANSWER bytes, and of an answer only fields are shown. Reading needs no password in Patroni; with
 * `verify_client: required` it needs a certificate.
 */
#pragma once

#include "base/error.h"
#include "base/secret.h"
#include "reconcile/patroni/patroni.h"

/* What the agent file says of a cluster's REST API. All may be NULL and empty. */
struct patroni_access {
	const char *ca; /* PEM: who may have signed its members' certificates; NULL = the system's list */
	const char *client_cert; /* PEM */
	struct secret client_key;
	const char *user; /* for what changes something (tell.h) */
	struct secret password;
};

struct patroni_asking {
	const struct patroni_access *access; /* for patroni_ask_cluster(), which gives it to the cluster; NULL = none */
	bool picture_alone; /* patroni_ask_cluster() asks for GET /cluster and nothing else: for whoever has just asked the members */
	bool more; /* and for configuration and history */
	int64_t milliseconds; /* until an answer must be there: a member that is silent costs this once, however many are */
};

/* GET /patroni of every member that says where it can be asked, and was not yet. */
void patroni_ask(struct patroni_set *set, const struct patroni_asking *asking);

/* A cluster that no Kubernetes knows: what each member behind these URLs says of itself (GET /patroni), then its picture of all of them (GET /cluster);
   patroni_ask() is left the members that no URL names. Where pictures name different leaders, it is the one whose leader takes writes by
   its own word. GET /config and /history come from the member whose picture it is.
   A member that does not reach its store answers no GET /cluster, and is too late with others for as long as it tries (the reason is in ask_cluster.c):
   it is not asked again before it has heard from its store.
   `name` is what it is called where the answer does not say (before Patroni 3.2). ERROR_RETRY names each URL and why it gave none.
   With `more` a cluster of whom nobody has a picture is found all the same, where a member says something of itself (patroni_take_alone()). */
bool patroni_ask_cluster(struct patroni_set *set, const char *name, const char *const *urls, size_t count,
	const struct patroni_asking *asking, struct error *err) MUST_CHECK;
