#include "agent/users/operator_leader.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

enum { ENDPOINTS, CONFIG_MAP };

void operator_leader_ask(const struct operator_reference *cluster,
	struct kube_request asked[OPERATOR_LEADER_ASKED], struct arena *mem)
{
	const char *namespace = cluster->namespace, *name = cluster->name;
	asked[ENDPOINTS] = (struct kube_request){.method = "GET",
		.path = arena_printf(mem, "/api/v1/namespaces/%s/endpoints/%s", namespace, name)};
	asked[CONFIG_MAP] = (struct kube_request){.method = "GET",
		.path = arena_printf(mem, "/api/v1/namespaces/%s/configmaps/%s-leader", namespace, name)};
}

/* ---- Patroni's record ---- */

static const char *annotation(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(json_at(object, "metadata.annotations"), key));
	return text ? text : "";
}

static int64_t renewed(const json_t *object)
{
	int64_t time;
	return clock_parse(annotation(object, "renewTime"), &time) ? time : 0;
}

static bool config_map_counts(const struct kube_request asked[OPERATOR_LEADER_ASKED])
{
	const json_t *endpoints = asked[ENDPOINTS].answer, *map = asked[CONFIG_MAP].answer;
	return asked[CONFIG_MAP].error.kind == ERROR_NONE && map &&
		(!*annotation(endpoints, "leader") || renewed(map) > renewed(endpoints));
}

/* ---- addresses ---- */

struct found {
	const char *pod; /* only of this one; NULL = of anybody */
	size_t count;
	const char *address;
	long long port;
};

static bool is_address(const char *text)
{
	return *text && !text[strspn(text, "0123456789abcdefABCDEF.:")];
}

/* The first that is ready; how many there are. */
static void find_address(const json_t *endpoints, struct found *found)
{
	const json_t *subset, *address;
	size_t i, j;
	json_array_foreach (json_object_get(endpoints, "subsets"), i, subset) {
		const json_t *open = json_array_get(json_object_get(subset, "ports"), 0);
		json_array_foreach (json_object_get(subset, "addresses"), j, address) {
			const char *ip = json_text_at(address, "ip", "");
			if (!is_address(ip) ||
				(found->pod &&
					!text_equal(json_text_at(address, "targetRef.name", ""), found->pod)))
				continue;
			if (!found->count++) {
				found->address = ip;
				found->port = json_number_at(open, "port", 5432);
			}
		}
	}
}

/* Why the record leads to no address. */
static bool refuse(const struct operator_reference *cluster, const struct operator_leader *leader,
	const struct kube_request asked[OPERATOR_LEADER_ASKED], const struct found *found, struct error *err)
{
	const char *namespace = cluster->namespace, *name = cluster->name;
	if (leader->config_map && !*leader->name)
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s has no leader at the moment: ConfigMap %s-leader names none",
			namespace, name, name);
	if (leader->config_map)
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s: ConfigMap %s-leader says that %s leads, and Endpoints %s have no ready address of it",
			namespace, name, name, leader->name, name);
	if (!found->count)
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s has no leader at the moment: Endpoints %s have no address",
			namespace, name, name);
	bool denied = asked[CONFIG_MAP].error.kind == ERROR_DENIED;
	return error_set(err, denied ? ERROR_DENIED : ERROR_RETRY,
		"postgresql %s/%s: Endpoints %s have %zu addresses, and nobody says which is the leader's: %s ConfigMap %s-leader",
		namespace, name, name, found->count,
		denied ? "it would, but the agent needs `get` on" : "there is no", name);
}

bool operator_leader_read(const struct operator_reference *cluster,
	const struct kube_request asked[OPERATOR_LEADER_ASKED], struct arena *mem,
	struct operator_leader *leader, struct error *err)
{
	const char *namespace = cluster->namespace, *name = cluster->name;
	struct error why = asked[ENDPOINTS].error;
	if (why.kind == ERROR_MISSING)
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s has no leader yet: there are no Endpoints %s", namespace, name, name);
	if (why.kind == ERROR_NONE && asked[CONFIG_MAP].error.kind != ERROR_MISSING &&
		asked[CONFIG_MAP].error.kind != ERROR_DENIED)
		why = asked[CONFIG_MAP].error;
	if (why.kind != ERROR_NONE) {
		*err = why;
		return error_prefix(err, "postgresql %s/%s", namespace, name);
	}
	struct operator_leader read = {.config_map = config_map_counts(asked)};
	const json_t *record = asked[read.config_map ? CONFIG_MAP : ENDPOINTS].answer;
	read.name = arena_copy(mem, annotation(record, "leader"));
	struct found found = {.pod = read.config_map ? read.name : NULL, .address = ""};
	find_address(asked[ENDPOINTS].answer, &found);
	/* Patroni itself writes a single one. */
	if (!found.count || (found.count > 1 && !*read.name))
		return refuse(cluster, &read, asked, &found, err);
	read.address = arena_copy(mem, found.address);
	read.port = found.port;
	*leader = read;
	return true;
}

/* ---- before each COMMIT ---- */

/* What was so when the pass began. */
struct leadership {
	const struct operator_reference *cluster;
	struct kube *kube;
	struct operator_leader leader;
};

/* The Endpoints, and the ConfigMap where that is the record. */
static bool ask_again(const struct leadership *then, struct arena *mem, struct operator_leader *now,
	const char **words, struct error *err)
{
	struct kube_request asked[OPERATOR_LEADER_ASKED];
	operator_leader_ask(then->cluster, asked, mem);
	if (!then->leader.config_map)
		asked[CONFIG_MAP].error.kind = ERROR_MISSING;
	kube_run(then->kube, asked, then->leader.config_map ? OPERATOR_LEADER_ASKED : CONFIG_MAP);
	bool answered = asked[ENDPOINTS].error.kind == ERROR_NONE &&
		(!then->leader.config_map || asked[CONFIG_MAP].error.kind == ERROR_NONE);
	struct error why =
		asked[ENDPOINTS].error.kind != ERROR_NONE ? asked[ENDPOINTS].error : asked[CONFIG_MAP].error;
	if (answered && !operator_leader_read(then->cluster, asked, mem, now, &why))
		*words = arena_copy(mem, why.text);
	if (!answered)
		*err = why;
	for (size_t i = 0; i < OPERATOR_LEADER_ASKED; i++)
		json_decref(asked[i].answer);
	return answered;
}

static bool still_leads(void *context, struct error *err)
{
	const struct leadership *then = context;
	const struct operator_leader *old = &then->leader;
	const char *namespace = then->cluster->namespace, *name = then->cluster->name, *words = NULL;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	struct operator_leader now = {.address = "", .name = ""};
	struct error why = {0};
	if (!ask_again(then, mem, &now, &words, &why))
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s: whether %s still leads cannot be asked, so what was not committed is rolled back: %s",
			namespace, name, old->address, why.text);
	if (!words && text_equal(now.address, old->address) && now.port == old->port &&
		text_equal(now.name, old->name))
		return true;
	if (!words)
		words = arena_printf(mem, "%s%s%s does", now.name, *now.name ? " at " : "", now.address);
	return error_set(err, ERROR_RETRY,
		"postgresql %s/%s: %s is not the leader that it was when the pass began, so what was not committed is rolled "
		"back: %s",
		namespace, name, old->address, words);
}

const struct session_witness *operator_leader_witness(const struct operator_reference *cluster,
	struct kube *kube, const struct operator_leader *leader, struct arena *mem)
{
	struct session_witness *made = arena_alloc(mem, sizeof(*made));
	struct leadership *then = arena_alloc(mem, sizeof(*then));
	*then = (struct leadership){.cluster = cluster, .kube = kube, .leader = *leader};
	*made = (struct session_witness){.agrees = still_leads, .context = then};
	return made;
}
