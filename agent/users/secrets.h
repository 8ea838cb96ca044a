/*
 * secrets.h - where passwords and credentials come from: Kubernetes Secrets, or a folder of plain Secret manifests
 *
 * The folder (agent file: secrets) lies outside Git and is read where no cluster holds the Secret; a file that others may read
 * is refused. Of the cluster's Secrets only name and version are kept; a value is asked for when it is needed and wiped after use.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/secret.h"
#include "reconcile/kubernetes/kube.h"

struct secrets;

/* `folder` NULL = none. */
struct secrets *secrets_new(const char *folder);
void secrets_free(struct secrets *secrets);

/* There is a cluster that has Secrets, even while it cannot be asked: at the start. */
void secrets_expect_cluster(struct secrets *secrets);

/* Looks whether the folder's files changed; once before a pass asks. */
void secrets_refresh(struct secrets *secrets);

/* Forgets (wipes) what was read of a file that holds many Secrets; once after a pass has asked. */
void secrets_forget(struct secrets *secrets);

/* From the watch: a Secret of this namespace is there (object, borrowed) or gone. `namespace` counts as held by the cluster. */
void secrets_seen(struct secrets *secrets, const json_t *object, bool gone);
/* The cluster's Secrets of this namespace are being followed: absence there is knowledge. */
void secrets_follow(struct secrets *secrets, const char *namespace);

/* Version of the Secret's key ("uid/resourceVersion" or change time, size and inode of its file); false = there is none, `why` in `mem`. */
bool secrets_version(struct secrets *secrets, const char *namespace, const char *name, struct arena *mem,
	const char **version, const char **why);

/* Where a Secret may be made that was found nowhere. */
enum secrets_home {
	SECRETS_NOWHERE, /* `why` */
	SECRETS_CLUSTER, /* its namespace is followed, so that it is known not to be there */
	SECRETS_FOLDER   /* there is no cluster, and all of `folder` could be read */
};
enum secrets_home secrets_home(struct secrets *secrets, const char *namespace, struct arena *mem,
	const char **folder, const char **why);

/* The value under `key`. `kube` NULL = folder only. ERROR_MISSING names Secret, key and where it was looked for. */
bool secrets_value(struct secrets *secrets, struct kube *kube, const char *namespace, const char *name,
	const char *key, struct secret *value, struct error *err) MUST_CHECK;
