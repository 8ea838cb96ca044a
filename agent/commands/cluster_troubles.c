#include "agent/commands/cluster_troubles.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

enum { SECONDS_AT_MOST = 5 };

/* What is asked for, of all clusters at once. The operator is known by the labels of its manifest, and of its chart. */
enum { SETS, CLASSES, OPERATORS, CHARTED, ASKED };
static const struct {
	unsigned ask;
	const char *before, *after; /* between them the namespace, where one was given and the kind has one */
	bool namespaced;
} asked[ASKED] = {
	[SETS] = {POSTGRESQL_ASK_SET, "/apis/apps/v1", "/statefulsets?labelSelector=cluster-name", true},
	[CLASSES] = {POSTGRESQL_ASK_CLASSES, "/apis/storage.k8s.io/v1", "/storageclasses?", false},
	[OPERATORS] = {POSTGRESQL_ASK_OPERATORS, "/api/v1", "/pods?labelSelector=name%3Dpostgres-operator",
		false},
	[CHARTED] = {POSTGRESQL_ASK_OPERATORS, "/api/v1",
		"/pods?labelSelector=app.kubernetes.io%2Fname%3Dpostgres-operator", false},
};

struct cluster_look {
	struct postgresql_around around;
	json_t *pods, *claims;
	struct patroni_cluster *cluster;
};

static bool is_in(const json_t *object, const json_t *cluster)
{
	const json_t *labels = json_at(object, "metadata.labels");
	return text_equal(json_string_value(json_object_get(labels, "cluster-name")),
		       json_text_at(cluster, "metadata.name", "-")) &&
		text_equal(json_text_at(object, "metadata.namespace", ""),
			json_text_at(cluster, "metadata.namespace", "-"));
}

static json_t *those_of(const json_t *cluster, const json_t *list)
{
	json_t *out = json_array(), *object;
	size_t i;
	json_array_foreach (list, i, object)
		if (is_in(object, cluster))
			json_array_append(out, object);
	return out;
}

/* Another one, of whatever name: the operator is the same. */
static const json_t *busy_beside(const json_t *cluster, const json_t *clusters)
{
	const json_t *other;
	size_t i;
	json_array_foreach (clusters, i, other)
		if (other != cluster && postgresql_at_work(other))
			return other;
	return NULL;
}

static void begin(const struct cluster_troubled *troubled, struct patroni_set *set, json_t *object,
	struct cluster_look *look)
{
	const json_t *clusters = json_object_get(troubled->objects, "postgresqls");
	look->pods = those_of(object, json_object_get(troubled->objects, "pods"));
	look->claims = those_of(object, json_object_get(troubled->objects, "persistentvolumeclaims"));
	look->cluster = patroni_find(set, json_text_at(object, "metadata.namespace", ""),
		json_text_at(object, "metadata.name", ""));
	look->around = (struct postgresql_around){.object = object,
		.pods = look->pods,
		.claims = look->claims,
		.busy = busy_beside(object, clusters),
		.now = clock_now()};
}

/* NULL = not known, and nobody needs to be told: the sentence says what it does not know. */
static void ask(
	struct kube *kube, const char *namespace, unsigned asks, struct arena *mem, json_t *answers[ASKED])
{
	struct kube_request requests[ASKED] = {{0}};
	size_t places[ASKED], count = 0;
	for (size_t i = 0; i < ASKED; i++) {
		bool within = namespace && asked[i].namespaced;
		if (!(asks & asked[i].ask))
			continue;
		requests[count] = (struct kube_request){.method = "GET",
			.path = arena_printf(mem, "%s%s%s%s&limit=%d", asked[i].before,
				within ? "/namespaces/" : "", within ? namespace : "", asked[i].after,
				LIMIT_LIST_PAGE),
			.seconds = SECONDS_AT_MOST};
		places[count++] = i;
	}
	if (count)
		kube_run(kube, requests, count);
	for (size_t i = 0; i < count; i++) {
		if (requests[i].error.kind == ERROR_NONE)
			answers[places[i]] = json_incref(json_object_get(requests[i].answer, "items"));
		json_decref(requests[i].answer);
	}
	if (answers[OPERATORS] && answers[CHARTED])
		json_array_extend(answers[OPERATORS], answers[CHARTED]);
}

static void finish(struct cluster_look *look, json_t *const answers[ASKED], struct arena *mem)
{
	struct postgresql_around *around = &look->around;
	const json_t *set;
	size_t i;
	json_array_foreach (answers[SETS], i, set)
		if (is_in(set, around->object))
			around->set = set;
	around->classes = answers[CLASSES];
	around->operators = answers[CHARTED] ? answers[OPERATORS] : NULL;
	if (look->cluster)
		look->cluster->troubles = postgresql_troubles(around, mem, &look->cluster->trouble_count);
}

void cluster_troubles(struct kube *kube, const struct cluster_troubled *troubled, struct patroni_set *set)
{
	json_t *answers[ASKED] = {NULL}, *clusters = json_object_get(troubled->objects, "postgresqls"), *object;
	struct cluster_look *looks = arena_array(set->mem, json_array_size(clusters) + 1, sizeof(*looks));
	size_t count = 0, i;
	unsigned asks = 0;
	json_array_foreach (clusters, i, object) {
		if (troubled->name && !text_equal(troubled->name, json_text_at(object, "metadata.name", "")))
			continue;
		begin(troubled, set, object, &looks[count]);
		asks |= postgresql_asks(&looks[count++].around);
	}
	ask(kube, troubled->namespace, asks, set->mem, answers);
	for (i = 0; i < count; i++) {
		finish(&looks[i], answers, set->mem);
		json_decref(looks[i].pods);
		json_decref(looks[i].claims);
	}
	for (i = 0; i < ASKED; i++)
		json_decref(answers[i]);
}
