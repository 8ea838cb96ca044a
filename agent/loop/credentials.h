/*
 * credentials.h - how to get into a repository: the agent file's `repositories`, then Argo CD's repository Secrets
 *
 * An exact URL wins over a prefix, a longer prefix over a shorter one, the agent file over the cluster. Files are read at each
 * fetch, so a rotated key is used from the next poll on.
 */
#pragma once

#include "agent/config/config.h"
#include "base/json.h"
#include "reconcile/source/source.h"

struct credentials;

struct credentials *credentials_new(const struct config *config);
void credentials_free(struct credentials *credentials);

/* From the watch: a Secret labelled argocd.argoproj.io/secret-type=repository or repo-creds (argocd.md 1.9). Any thread. */
void credentials_seen(struct credentials *credentials, const json_t *secret, bool gone);

/* From the watch: Argo CD's ConfigMaps with the ssh hosts (argocd-ssh-known-hosts-cm, key ssh_known_hosts) and the CAs by host name
   (argocd-tls-certs-cm) that go with the repository Secrets. Any thread. */
void credentials_hosts_seen(struct credentials *credentials, const json_t *config_map, bool gone);

/*
 * Who has to have signed the commits of this URL: the longest entry of the agent file's `repositories` that has `signatures` and
 * covers it, whatever the transport, the user, upper or lower case and the way the path is written. The files are read at each
 * request. Belongs into every source_request, offline ones too; fetch_start() does so for the agent.
 */
struct source_signers credentials_signers(const struct config *config, const char *url, struct arena *mem);

/* What to use for this URL; texts in `mem`, secrets the caller's (source_access_done). Nothing configured = empty access. */
bool credentials_for(struct credentials *credentials, const char *url, struct arena *mem,
	struct source_access *out, struct error *err) MUST_CHECK;
