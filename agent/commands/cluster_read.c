/* cluster_read.c - from Kubernetes, from Patroni's REST API, to one set of clusters */
#include <string.h>

#include "agent/commands/cluster.h"
#include "agent/commands/cluster_troubles.h"
#include "agent/commands/sealing.h"
#include "agent/users/patroni_access.h"
#include "base/clock.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/patroni/ask.h"

/* What is read. Without what is needed nothing would be true; without the rest something is left out, which is said. */
static const struct listed {
	const char *api, *plural, *selector;
	bool needed;
	void (*take)(struct patroni_set *set, json_t *object);
	const char *without;
} listed[] = {
	{"/api/v1", "pods", PATRONI_SELECTOR, true, patroni_take_pod, ""},
	{"/api/v1", "endpoints", PATRONI_SELECTOR, true, patroni_take_record, ""},
	{"/api/v1", "configmaps", PATRONI_SELECTOR, true, patroni_take_record, ""},
	{"/apis/acid.zalan.do/v1", "postgresqls", NULL, false, patroni_take_postgresql,
		"instances wanted, version and the operator's status are not known"},
	{"/api/v1", "persistentvolumeclaims", PATRONI_SELECTOR, false, patroni_take_claim,
		"what the volumes have is not known"},
};
enum { LISTED = COUNT_OF(listed), KUBERNETES_SECONDS = 5 };

void cluster_source_accesses(struct cluster_source *source, struct arena *mem)
{
	const struct config *config = &source->config;
	source->accesses = arena_array(mem, config->database_count + 1, sizeof(*source->accesses));
	source->troubles = arena_array(mem, config->database_count + 1, sizeof(*source->troubles));
	for (size_t i = 0; i < config->database_count; i++) {
		struct error why;
		if (!patroni_access_open(&config->databases[i], source->acting, mem, &source->accesses[i], &why))
			source->troubles[i] = arena_copy(mem, why.text);
	}
}

bool cluster_source_open(const struct command_context *context, struct cluster_source *source, struct error *err)
{
	struct mistakes mistakes = {.mem = context->mem};
	struct config *config = &source->config;
	source->configured = context->config_file;
	if (!context->config_file)
		return true;
	if (!config_read(context->config_file, context->mem, config, &mistakes, err))
		return false;
	cluster_source_accesses(source, context->mem);
	return true;
}

void cluster_source_close(struct cluster_source *source)
{
	for (size_t i = 0; source->accesses && i < source->config.database_count; i++)
		patroni_access_done(&source->accesses[i]);
}

bool cluster_arguments_good(
	const struct command_context *context, const struct cluster_source *source, const char *name)
{
	const char *slash = name ? strchr(name, '/') : NULL;
	if (context->server && !source->kubeconfig)
		command_misused(context,
			"an agent elsewhere cannot be asked for clusters yet: run it there, or give --kubeconfig");
	else if (source->namespace && !text_is_dns_label(source->namespace))
		command_misused(context, "--namespace %s is no name of a namespace", source->namespace);
	else if (slash && !text_is_dns_label(arena_copy_n(context->mem, name, (size_t)(slash - name))))
		command_misused(context, "%s is no NAMESPACE/NAME", name);
	else
		return true;
	return false;
}

static bool names_member(const struct database_config *database, const struct patroni_cluster *cluster)
{
	for (size_t i = 0; i < database->patroni_count; i++)
		for (size_t j = 0; j < cluster->member_count; j++)
			if (patroni_is_at(&cluster->members[j], database->patroni[i]))
				return true;
	return false;
}

const struct database_config *cluster_entry(
	const struct cluster_source *source, const struct patroni_cluster *cluster)
{
	for (size_t i = 0; i < source->config.database_count; i++) {
		const struct database_config *database = &source->config.databases[i];
		if (cluster->entry ? text_equal(cluster->entry, database->name)
				   : text_equal(cluster->name, database->cluster.name) &&
					text_equal(cluster->namespace, database->cluster.namespace))
			return database;
		if (!cluster->entry && names_member(database, cluster))
			return database;
	}
	return NULL;
}

static const struct patroni_access *access_of(
	const struct cluster_source *source, const struct database_config *database)
{
	return database ? &source->accesses[database - source->config.databases] : NULL;
}

/* ---- Kubernetes ---- */

bool cluster_find_server(const struct cluster_source *source, struct kube_config *config, struct error *err)
{
	const struct config *file = &source->config;
	struct sealing_source kubectl = {
		.kubeconfig = source->kubeconfig, .kube = {.context = source->kube_context}};
	if (!source->configured || source->kubeconfig || source->kube_context)
		return sealing_kube_config(&kubectl, config, err);
	if (file->kubernetes_off)
		return error_set(err, ERROR_MISSING, "%s turns Kubernetes off (kubernetes.none)", file->file);
	return file->kubeconfig ? kube_config_read(file->kubeconfig, file->kube_context, true, config, err)
				: kube_config_in_cluster(NULL, config, err);
}

static const char *path_of(const struct listed *kind, const char *namespace, const char *selector,
	const char *next, struct arena *mem)
{
	CLEANUP(buf_done) struct buf path = BUF(65536);
	buf_text(&path, kind->api);
	if (namespace) {
		buf_text(&path, "/namespaces/");
		percent_encode(&path, namespace);
	}
	buf_printf(&path, "/%s?limit=%d", kind->plural, LIMIT_LIST_PAGE);
	if (kind->selector) {
		buf_text(&path, "&labelSelector=");
		percent_encode(&path, selector ? selector : kind->selector);
	}
	if (next && *next) {
		buf_text(&path, "&continue=");
		percent_encode(&path, next);
	}
	return arena_copy(mem, buf_string(&path));
}

struct reading {
	const struct command_context *context;
	const struct cluster_source *source;
	const char *namespace, *name; /* of the one that is asked for; NULL = all */
	struct patroni_set *set;
	json_t *objects; /* the lists by their plurals, for the whole of a cluster */
	const char *note;
};

static void add_note(struct reading *reading, const char *text)
{
	reading->note = arena_join(reading->context->mem, reading->note, "\n", text);
}

/* The server's own words name who may not what; the way on is what they leave out. */
static bool refused(
	struct reading *reading, const struct listed *kind, const struct error *why, struct error *err)
{
	struct arena *mem = reading->context->mem;
	const char *hint = "";
	if (why->kind == ERROR_MISSING && !kind->needed)
		return true; /* the kind is not there: no operator */
	if (why->kind == ERROR_DENIED)
		hint = arena_printf(mem, "; the verb list on %s %s is needed", kind->plural,
			reading->namespace ? "in this namespace"
					   : "in all namespaces, or --namespace asks in one alone");
	if (!kind->needed) {
		add_note(reading, arena_printf(mem, "%s%s: %s", why->text, hint, kind->without));
		return true;
	}
	*err = *why;
	return error_set(err, why->kind, "%s%s", arena_copy(mem, why->text), hint);
}

/* One page of a kind; true where another one is to come, which is then asked for next. */
static bool take_page(struct reading *reading, const struct listed *kind, const char *selector,
	struct kube_request *request)
{
	size_t at;
	json_t *object;
	json_t *kept = json_object_get(reading->objects, kind->plural);
	json_array_foreach (json_object_get(request->answer, "items"), at, object) {
		kind->take(reading->set, object);
		json_array_append(kept, object);
	}
	const char *next = json_text_at(request->answer, "metadata.continue", "");
	const char *path = path_of(kind, reading->namespace, selector, next, reading->context->mem);
	bool more = *next;
	json_decref(request->answer);
	*request = (struct kube_request){.method = "GET", .path = path, .seconds = KUBERNETES_SECONDS};
	return more;
}

/* All kinds at once, page after page. */
static bool read_lists(struct reading *reading, struct kube *kube, struct error *err)
{
	struct arena *mem = reading->context->mem;
	const char *selector = reading->name
		? arena_printf(mem, "%s,cluster-name=%s", PATRONI_SELECTOR, reading->name)
		: NULL;
	struct kube_request requests[LISTED] = {{0}};
	const struct listed *kinds[LISTED];
	size_t count = LISTED;
	bool ok = true;
	for (size_t i = 0; i < LISTED; i++) {
		kinds[i] = &listed[i];
		requests[i] = (struct kube_request){.method = "GET",
			.path = path_of(&listed[i], reading->namespace, selector, NULL, mem),
			.seconds = KUBERNETES_SECONDS};
	}
	while (count && ok) {
		size_t left = 0;
		kube_run(kube, requests, count);
		for (size_t i = 0; i < count; i++) {
			if (ok && requests[i].error.kind != ERROR_NONE)
				ok = refused(reading, kinds[i], &requests[i].error, err);
			if (!take_page(reading, kinds[i], selector, &requests[i]))
				continue;
			kinds[left] = kinds[i];
			requests[left++] = requests[i];
		}
		count = left;
	}
	return ok;
}

struct cluster_connection *cluster_connect(
	const struct cluster_source *source, struct cluster_connection *own, struct error *err)
{
	struct cluster_connection *connection = source->kept ? source->kept : own;
	if (connection->kube)
		return connection;
	if (!cluster_find_server(source, &connection->config, err)) {
		cluster_disconnect(connection);
		return NULL;
	}
	connection->kube = kube_open(&connection->config);
	return connection;
}

void cluster_disconnect(struct cluster_connection *connection)
{
	kube_close(connection->kube);
	kube_config_done(&connection->config);
	*connection = (struct cluster_connection){.kube = NULL};
}

static bool read_objects(struct reading *reading, struct kube *kube, struct error *err)
{
	CLEANUP(json_done)
	json_t *objects = json_pack("{s:[],s:[],s:[]}", "pods", "postgresqls", "persistentvolumeclaims");
	reading->objects = objects;
	bool ok = read_lists(reading, kube, err);
	if (ok)
		cluster_troubles(kube,
			&(struct cluster_troubled){
				.objects = objects, .namespace = reading->namespace, .name = reading->name},
			reading->set);
	reading->objects = NULL;
	return ok;
}

static bool read_kubernetes(struct reading *reading, struct error *err)
{
	CLEANUP(cluster_disconnect) struct cluster_connection own = {.kube = NULL};
	struct cluster_connection *connection = cluster_connect(reading->source, &own, err);
	bool ok = connection && read_objects(reading, connection->kube, err);
	if (connection && !ok) {
		if (err->kind == ERROR_RETRY)
			error_prefix(err, "the API server %s, where Patroni keeps the leader's record",
				connection->config.server);
		cluster_disconnect(connection);
	}
	patroni_settle(reading->set);
	return ok;
}

/* ---- Patroni's REST API, where the agent file names it ---- */

/* One that is silent is a cluster all the same, of which nothing is known. */
static void read_named(struct reading *reading, const struct database_config *database)
{
	struct arena *mem = reading->context->mem;
	const struct patroni_asking asking = {.access = access_of(reading->source, database),
		.more = true,
		.milliseconds = LIMIT_PATRONI_MILLISECONDS};
	const char *trouble = reading->source->troubles[database - reading->source->config.databases];
	struct error err;
	if (trouble)
		patroni_take_silence(reading->set, database->name, trouble);
	else if (!patroni_ask_cluster(reading->set, database->name, database->patroni,
			 database->patroni_count, &asking, &err))
		patroni_take_silence(reading->set, database->name, arena_copy(mem, err.text));
}

static bool is_named(const struct cluster_source *source)
{
	for (size_t i = 0; i < source->config.database_count; i++)
		if (source->config.databases[i].patroni_count)
			return true;
	return false;
}

/* ---- both ---- */

/* From outside of the cluster's network nobody answers, which says nothing of the members: then their words are shown. */
static void forget_silence(struct reading *reading)
{
	struct patroni_set *set = reading->set;
	const char *why = NULL;
	size_t silent = 0;
	for (size_t i = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++) {
			if (set->items[i].members[j].contact == PATRONI_ANSWERED)
				return;
			silent += set->items[i].members[j].contact == PATRONI_SILENT;
			if (set->items[i].members[j].silence)
				why = set->items[i].members[j].silence;
		}
	if (!silent)
		return;
	for (size_t i = 0; i < set->count; i++)
		for (size_t j = 0; j < set->items[i].member_count; j++)
			set->items[i].members[j].contact = PATRONI_NOT_ASKED;
	add_note(reading,
		arena_printf(reading->context->mem,
			"no member answers from here (%s): shown is what each of them wrote into Kubernetes last",
			why));
}

/* "NAMESPACE/NAME" or "NAME" */
static void take_name(struct reading *reading, const char *name)
{
	const char *slash = name ? strchr(name, '/') : NULL;
	reading->name = slash ? slash + 1 : name;
	reading->namespace = slash ? arena_copy_n(reading->context->mem, name, (size_t)(slash - name))
				   : reading->source->namespace;
}

/* What Kubernetes could have as the value of a label; outside of it a cluster may be called otherwise. */
static bool is_kubernetes_name(const char *name)
{
	enum { LABEL_LONGEST = 63 };
	return !name || (text_is_dns_subdomain(name) && strlen(name) <= LABEL_LONGEST);
}

/* To whoever asks on a command line. */
static void show_way(struct error *err)
{
	const struct error missing = *err;
	error_set(err, missing.kind,
		"%s: --kubeconfig names another one; without Kubernetes an agent file names the members (--config, "
		"`databases[].patroni`)",
		missing.text);
}

struct patroni_cluster *cluster_pick(struct patroni_set *set, const char *name, struct error *err)
{
	const char *slash = strchr(name, '/'), *wanted = slash ? slash + 1 : name;
	struct patroni_cluster *found = NULL;
	for (size_t i = 0; i < set->count; i++) {
		struct patroni_cluster *cluster = &set->items[i];
		if (!text_equal(cluster->name, wanted) ||
			(slash &&
				(strlen(cluster->namespace) != (size_t)(slash - name) ||
					strncmp(cluster->namespace, name, (size_t)(slash - name)) != 0)))
			continue;
		if (found) {
			error_set(err, ERROR_INVALID, "%s is in %s and in %s: say which, as %s/%s", name,
				found->namespace, cluster->namespace, found->namespace, wanted);
			return NULL;
		}
		found = cluster;
	}
	if (!found)
		error_set(err, ERROR_MISSING,
			"there is no cluster %s: `pgitops cluster list` shows which there are", name);
	return found;
}

static void forget(struct patroni_set *set)
{
	patroni_done(set);
	*set = (struct patroni_set){.mem = set->mem};
}

bool cluster_read(const struct command_context *context, const struct cluster_source *source,
	const char *name, struct patroni_set *set, const char **note, struct error *err)
{
	struct reading reading = {.context = context, .source = source, .set = set};
	const struct patroni_asking asking = {.milliseconds = LIMIT_PATRONI_MILLISECONDS};
	bool named = is_named(source);
	take_name(&reading, name);
	bool ok = !is_kubernetes_name(reading.name) || read_kubernetes(&reading, err);
	if (!ok)
		forget(set); /* half of it is not what there is */
	if (!ok && err->kind == ERROR_MISSING)
		show_way(err);
	if (!ok && named && err->kind == ERROR_MISSING)
		ok = true; /* there is none, and there need not be one */
	else if (!ok && named)
		add_note(&reading, err->text);
	for (size_t i = 0; i < source->config.database_count; i++)
		if (source->config.databases[i].patroni_count && !strchr(name ? name : "", '/'))
			read_named(&reading, &source->config.databases[i]);
	for (size_t i = 0; i < set->count; i++)
		set->items[i].access = access_of(source, cluster_entry(source, &set->items[i]));
	if (!source->words_only)
		patroni_ask(set, &asking);
	forget_silence(&reading);
	patroni_judge(set, clock_now());
	*note = reading.note;
	return ok || (named && set->count);
}

/* The one that the entry is about; ERROR_MISSING, or why nothing is known of it. */
static struct patroni_cluster *cluster_of(
	struct patroni_set *set, const struct database_config *database, struct error *err)
{
	const struct operator_reference *named = &database->cluster;
	struct patroni_cluster *found =
		named->name ? patroni_find(set, named->namespace, named->name) : set->items;
	if (!found)
		error_set(err, ERROR_MISSING, "there is no cluster %s/%s in Kubernetes", named->namespace,
			named->name);
	else if (found->silence && !found->member_count)
		error_set(err, ERROR_RETRY, "%s", found->silence);
	return found && (!found->silence || found->member_count) ? found : NULL;
}

struct patroni_cluster *cluster_read_entry(const struct command_context *context,
	const struct cluster_source *source, const struct database_config *database, struct patroni_set *set,
	const char **note, struct error *err)
{
	struct reading reading = {.context = context,
		.source = source,
		.namespace = database->cluster.namespace,
		.name = database->cluster.name,
		.set = set};
	const struct patroni_asking asking = {.milliseconds = LIMIT_PATRONI_MILLISECONDS};
	if (!reading.name)
		read_named(&reading, database);
	else if (!read_kubernetes(&reading, err))
		return NULL;
	for (size_t i = 0; i < set->count; i++)
		set->items[i].access = access_of(source, database);
	patroni_ask(set, &asking);
	forget_silence(&reading);
	patroni_judge(set, clock_now());
	*note = reading.note;
	return cluster_of(set, database, err);
}
