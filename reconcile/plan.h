/*
 * plan.h - wanted objects x live objects x owned objects -> steps. Pure: no I/O, cannot fail.
 *
 * `app diff`, a dry run, the status page and the agent all show this plan; the agent also carries it out. Deletion needs
 * all of: prune is on, the object is in our inventory, its tracking id names this Application and itself, its uid is the one
 * we applied (or an apply of ours was cut off before we learnt it), it has no owner, no other Application wants it, and its kind or
 * annotation allows it. Everything else is a reason, shown with the object. Hooks (object_options.h) are no part of a plan.
 */
#pragma once

#include "reconcile/object.h"

/* What is known of a wanted object in the cluster, filled in by the observing side. */
struct plan_live {
	struct object_key key;
	const char *uid;
	const char *resource_version;
	const char *tracking_id;
	bool has_owner;
	bool deleting;
	bool prune_allowed;
	struct object_options options;
	const char *wanted_by; /* another Application that wants it now, NULL = none: it is that one's, or moves there */
	const char *installation_id; /* annotation argocd.argoproj.io/installation-id; NULL or "" = none */
};

/* The inventory of the Application (store), sorted by key. */
struct plan_owned {
	struct object_key key;
	const char *version;
	const char *uid;
	const char *wanted_hash;
	const char *live_version;
	bool intended; /* an apply was announced and its outcome is not known: the uid says nothing */
};

struct plan_input {
	const char *application;
	const char *namespace;        /* destination */
	const char *commit;           /* part of the confirmation hash */
	const struct objects *wanted; /* sorted by key */
	const struct plan_live *live; /* sorted by key: live objects at wanted keys, and all that track to us */
	size_t live_count;
	const struct plan_owned *owned; /* sorted by key */
	size_t owned_count;
	bool prune;               /* the Application (or the operation) asks for it */
	enum choice prune_option; /* Prune= of the Application; an object's own annotation comes before it */
	bool allow_empty;
	bool no_prune; /* knowledge is incomplete: first pass after a rebuild, partial discovery, ... */
	const char *no_prune_reason;
	const char *confirmed; /* hash given by the user, or NULL */
	/* What that hash stood for when the sync began, sorted by key: some of it is gone by now, so the hash would be another one. */
	const struct object_key *confirmed_list;
	size_t confirmed_count;
	const char *const *another_has; /* parallel to `wanted`: why it is another's to write, NULL = it is not; NULL = none is */
	const char *installation; /* our own id: an object that carries another one, or none, is not ours; NULL = we have none */
};

enum plan_action {
	PLAN_KEEP,   /* live is known to be equal: same hash, same resourceVersion as when it was found so */
	PLAN_CHECK,  /* may differ: ask the server with a dry run before deciding */
	PLAN_CREATE, /* not there */
	PLAN_SHARED, /* wanted, but another Application tracks and wants it, too, or another installation has it: `reason` */
	PLAN_PRUNE, /* not wanted any more, ours, and allowed to go */
	PLAN_LEAVE  /* not wanted any more, but stays: `reason` says why */
};

struct plan_step {
	enum plan_action action;
	const struct object *object;    /* wanted; NULL for PRUNE and LEAVE */
	const struct plan_live *live;   /* NULL for CREATE */
	const struct plan_owned *owned; /* NULL = not in the inventory */
	struct object_key key;
	const char *tracking_id;
	int rank;           /* object_kind_rank */
	int32_t wave;       /* of the wanted object; of PRUNE and LEAVE that of the live one */
	const char *reason; /* LEAVE and SHARED */
	bool confirm;       /* PRUNE: Prune=confirm, a person must approve it */
	bool adopt; /* LEAVE: carries our mark without standing in the inventory as it is (made anew, or of a restored backup): record it, it
		       may go later */
	bool unasked; /* LEAVE: it would go, if pruning were asked for */
	bool in_sync; /* LEAVE: that it is there is no difference (compare-options IgnoreExtraneous, or another's) */
};

struct plan {
	struct plan_step *steps; /* wanted by wave, rank, key; then PRUNE and LEAVE the same way backwards. No hooks */
	size_t count;
	size_t prunes; /* PRUNE steps, or those that wait for confirmation */
	bool blocked;  /* more than max(5, 10 %) would go, or all of them: they are LEAVE until confirmed */
	char confirm[17]; /* what --confirm must say; "" = nothing to confirm */
};

/* Its deletion destroys data or other people's objects: only with annotation pgitops.dev/allow-prune on the live object. */
bool plan_is_protected(const struct object_key *key);

void plan_make(const struct plan_input *input, struct arena *mem, struct plan *plan);
