/*
 * write_internal.h - what the files of a write share (internal to the room)
 *
 * write.c runs the writes, several at once: a write is a row of requests, and after each answer its step says which comes next.
 * body.c makes what is sent, dry_run.c compares, adopt.c takes fields over, recreate.c deletes what cannot be changed.
 */
#pragma once

#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/manager.h"

enum {
	MOVED_TRIES = 3,    /* of a write whose object changed between our question and our write */
	LENIENT_FIELDS = 50 /* unknown fields of one object; the server names some at a time */
};

/* The next request of a write. */
enum step {
	STEP_DONE,
	STEP_LOOK,    /* GET before a write that depends on what is there */
	STEP_ADOPT,   /* managedFields: what other tools' manifests set becomes ours */
	STEP_WRITE,   /* the write itself, or the dry run of a Replace=true */
	STEP_COMPARE, /* the dry run of an apply and a GET beside it */
	STEP_PREVIEW, /* the dry run again, without the fields that adoption lets go */
	STEP_REMOVE,  /* deletes what cannot be changed (Force=true) */
	STEP_SETTLE   /* GET after a DELETE whose answer was lost */
};

struct job {
	struct cluster *cluster;
	struct cluster_write *write;
	struct arena *mem;
	const struct resource *resource;
	struct object_key key;
	char *path; /* of the object */
	char *url;  /* of the request, with query */
	const char *method;
	const char *content_type;
	char *body;
	size_t body_length;
	bool secret;
	bool force;      /* whoever owns the fields */
	bool forced;     /* it was sent so */
	bool postgresql; /* has rules of its own */
	bool immutable;  /* the server refused a change of what cannot be changed */
	enum step step;
	char *version_before; /* resourceVersion known before, NULL = not known to be there */
	uint64_t seen_before; /* how far the watch was before anything was sent */
	json_t *live;         /* from GET; NULL = not asked or not there */
	json_t *wanted;       /* what an apply would leave, while a PREVIEW is asked for */
	const char **unknown; /* paths of fields that the server does not know (Validate=false) */
	size_t unknown_count;
	int tries;
};

/* write.c */
enum step job_fail(struct job *job, enum error_kind kind, const char *text); /* STEP_DONE */
enum step job_again(struct job *job, enum step step); /* that step, or failed when the object keeps changing */
void job_remember(struct job *job, const json_t *answer);
bool job_refused(struct job *job); /* a postgresql that must not be written; says why */

/* body.c: each sets method, url, content type and body of the next request. False after job_fail(). */
bool body_write(struct job *job);
void body_adopt(struct job *job);
void body_preview(struct job *job);
void body_remove(struct job *job, const char *uid);

/* lenient.c */
bool lenient_note(
	struct job *job, const json_t *answer); /* the field it refused, so that the next body is without */
void lenient_drop(const struct job *job, json_t *object);

/* Answers of one step each; the next step. `request` is the write's, unless it says GET. */
enum step dry_run_compared(struct job *job, const struct kube_request *request);
enum step dry_run_previewed(struct job *job, const struct kube_request *request);
enum step adopt_conflict(struct job *job, const struct kube_request *request);
enum step adopt_answered(struct job *job, const struct kube_request *request);
enum step recreate_refused(struct job *job, const struct kube_request *request);
enum step recreate_looked(struct job *job);
enum step recreate_removed(struct job *job, const struct kube_request *request);
