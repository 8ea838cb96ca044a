#include "agent/users/operator_members.h"

#include "agent/users/patroni_access.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/patroni/ask.h"

struct kube_request operator_members_request(const struct operator_reference *cluster, struct arena *mem)
{
	CLEANUP(buf_done) struct buf path = BUF(1024);
	buf_printf(&path, "/api/v1/namespaces/%s/pods?labelSelector=", cluster->namespace);
	percent_encode(&path, PATRONI_SELECTOR ",cluster-name=");
	percent_encode(&path, cluster->name);
	return (struct kube_request){.method = "GET", .path = arena_copy(mem, buf_string(&path))};
}

/* Without a name in the record the leader is whose Pod has the address. */
static const char *leader_name(const json_t *pods, const struct operator_leader *leader)
{
	const json_t *pod;
	size_t i;
	if (*leader->name)
		return leader->name;
	json_array_foreach (json_object_get(pods, "items"), i, pod)
		if (text_equal(json_text_at(pod, "status.podIP", ""), leader->address))
			return json_text_at(pod, "metadata.name", "");
	return "";
}

bool operator_members_judge(const struct operator_reference *named, const struct patroni_cluster *cluster,
	const char *leader, struct error *err)
{
	const struct patroni_member *silent = NULL, *answering = NULL, *writes = NULL;
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		bool leads = text_equal(member->name, leader), writable = patroni_takes_writes(member);
		if (writable && !leads && *leader)
			return error_set(err, ERROR_RETRY,
				"postgresql %s/%s: %s takes writes, and the leader's record names %s: no user is changed while that is so",
				named->namespace, named->name, member->name, leader);
		if (writable && writes)
			return error_set(err, ERROR_RETRY,
				"postgresql %s/%s: %s and %s take writes, and nothing says which of them leads: no user is changed while that is so",
				named->namespace, named->name, writes->name, member->name);
		if (writable)
			writes = member;
		if (leads && member->contact == PATRONI_SILENT)
			silent = member;
		if (member->contact == PATRONI_ANSWERED)
			answering = member;
	}
	return !silent || !answering ||
		error_set(err, ERROR_RETRY,
			"postgresql %s/%s: the leader %s does not answer (%s), and %s does: no user is changed while that is so",
			named->namespace, named->name, leader, silent->silence, answering->name);
}

bool operator_members_agree(const struct database_config *config, const json_t *pods,
	const struct operator_leader *leader, struct arena *mem, struct error *err)
{
	CLEANUP(patroni_access_done) struct patroni_access access = {0};
	const struct patroni_asking asking = {.milliseconds = LIMIT_PATRONI_MILLISECONDS};
	struct patroni_set set = {.mem = mem};
	json_t *pod;
	size_t i;
	bool ok = true;
	if (!patroni_access_open(config, false, mem, &access, err))
		return false;
	json_array_foreach (json_object_get(pods, "items"), i, pod)
		patroni_take_pod(&set, pod);
	struct patroni_cluster *cluster = patroni_find(&set, config->cluster.namespace, config->cluster.name);
	if (cluster) {
		cluster->access = &access;
		patroni_ask(&set, &asking);
		ok = operator_members_judge(&config->cluster, cluster, leader_name(pods, leader), err);
	}
	patroni_done(&set);
	return ok;
}
