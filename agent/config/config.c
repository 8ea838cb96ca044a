#include "agent/config/config.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config_database.h"
#include "agent/config/config_rules.h"
#include "agent/config/settings.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define CONFIG(member) offsetof(struct config, member)

static void read_version(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	(void)base;
	if (pair->value->kind != YAML_INTEGER || pair->value->integer != 1)
		settings_complain(settings, pair, false, "version must be 1: this program knows no other");
}

static bool is_port(const char *text)
{
	char *end;
	return *text >= '0' && *text <= '9' && strtoul(text, &end, 10) <= 65535 && !*end;
}

/* HOST:PORT, [IPV6]:PORT or :PORT. */
static void read_listen(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : NULL;
	const char *colon = text ? strrchr(text, ':') : NULL;
	if (text && !*text)
		((struct config *)base)->listen = NULL;
	else if (colon && is_port(colon + 1))
		((struct config *)base)->listen = text;
	else
		settings_complain(settings, pair, false,
			"listen must be HOST:PORT in quotes, such as \"127.0.0.1:8080\", or \"\" for none");
}

static void read_namespace(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	if (pair->value->kind == YAML_STRING && text_is_dns_label(pair->value->text))
		((struct config *)base)->namespace = pair->value->text;
	else
		settings_complain(
			settings, pair, false, "namespace must be lower-case letters, digits and '-'");
}

static void read_api(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "tokenFile", .type = SETTING_PATH, .offset = CONFIG(token_file)}};
	settings_read(settings, pair, table, COUNT_OF(table), base);
}

static void read_kubernetes(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "none", .type = SETTING_BOOL, .offset = CONFIG(kubernetes_off)},
		{.name = "kubeconfig", .type = SETTING_PATH, .offset = CONFIG(kubeconfig)},
		{.name = "context", .offset = CONFIG(kube_context)},
	};
	const struct config *config = base;
	if (pair->value->kind == YAML_NULL)
		return;
	settings_read(settings, pair, table, COUNT_OF(table), base);
	if (config->kubernetes_off && config->kubeconfig)
		settings_complain(settings, pair, true, "kubernetes: none and kubeconfig exclude each other");
}

/* What stands in an annotation of each object, of which the live cache keeps so much. */
static void read_installation(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	enum { LONGEST = 100 };
	struct config *config = base;
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	if (!*text || strlen(text) > LONGEST)
		settings_complain(settings, pair, false,
			"installationID must be a string of 1 to %d characters, the one in argocd-cm", LONGEST);
	else
		config->installation = text;
}

static void read_git(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "timeout", .type = SETTING_DURATION, .offset = CONFIG(git_deadline)}};
	const struct config *config = base;
	settings_read(settings, pair, table, COUNT_OF(table), base);
	if (config->git_deadline < 1000 || config->git_deadline > LIMIT_GIT_SECONDS * 1000)
		settings_complain(
			settings, pair, true, "git.timeout must be between 1s and %ds", LIMIT_GIT_SECONDS);
}

/* What is no selector the API server refuses with its own words. */
static void read_selector(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	enum { LONGEST = 1000 };
	struct config *config = base;
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	if (!*text || strlen(text) > LONGEST)
		settings_complain(settings, pair, false,
			"applicationSelector must be a selector of labels as kubectl get -l takes it, such as \"shard=a\"");
	else
		config->selector = text;
}

/* Shorter, and a busy server would take it away; longer, and nobody is at work for longer. */
static void read_lease(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	enum { SHORTEST = 3, LONGEST = 300 };
	static const struct setting table[] = {
		{.name = "name", .offset = CONFIG(lease.name)},
		{.name = "namespace", .offset = CONFIG(lease.namespace)},
		{.name = "duration", .type = SETTING_DURATION, .offset = CONFIG(lease.duration)},
	};
	struct config *config = base;
	config->lease.used = true;
	if (pair->value->kind == YAML_NULL)
		return;
	settings_read(settings, pair, table, COUNT_OF(table), base);
	int64_t duration = config->lease.duration;
	if (duration % 1000 || duration < SHORTEST * 1000 || duration > LONGEST * 1000)
		settings_complain(settings, pair, true,
			"lease.duration must be whole seconds between %ds and %ds", SHORTEST, LONGEST);
	if (!text_is_dns_subdomain(config->lease.name))
		settings_complain(
			settings, pair, true, "lease.name must be lower-case letters, digits, '-' and '.'");
	if (config->lease.namespace && !text_is_dns_label(config->lease.namespace))
		settings_complain(
			settings, pair, true, "lease.namespace must be lower-case letters, digits and '-'");
}

static void read_tools(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "kustomize", .type = SETTING_PATH, .offset = CONFIG(tools[RENDER_KUSTOMIZE])},
		{.name = "helm", .type = SETTING_PATH, .offset = CONFIG(tools[RENDER_HELM])},
	};
	settings_read(settings, pair, table, COUNT_OF(table), base);
}

static void read_sealing(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {{.name = "keys",
						       .type = SETTING_PATHS,
						       .offset = CONFIG(sealing_keys),
						       .count_offset = CONFIG(sealing_key_count)},
		{.name = "controller", .type = SETTING_BOOL, .offset = CONFIG(sealing_controller)}};
	const struct config *config = base;
	settings_read(settings, pair, table, COUNT_OF(table), base);
	if (config->sealing_controller && !config->sealing_key_count)
		settings_complain(settings, pair, true,
			"sealing.controller needs keys to open SealedSecrets with: sealing.keys");
}

static void read_webhook_secrets(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "url", .offset = offsetof(struct webhook_config, url), .required = true},
		{.name = "secretFile",
			.type = SETTING_PATH,
			.offset = offsetof(struct webhook_config, secret_file),
			.required = true}};
	struct config *config = base;
	size_t count;
	const struct yaml_pair *items = settings_items(settings, pair, &count);
	config->webhooks = arena_array(settings->mem, count + 1, sizeof(*config->webhooks));
	for (size_t i = 0; i < count; i++) {
		struct webhook_config one = {.line = items[i].line};
		if (settings_read(settings, &items[i], table, COUNT_OF(table), &one))
			config->webhooks[config->webhook_count++] = one;
	}
}

static void read_webhook(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {{.name = "secretFile",
						       .type = SETTING_PATH,
						       .offset = CONFIG(webhook_secret_file),
						       .required = true},
		{.name = "repositories", .type = SETTING_OWN, .read = read_webhook_secrets}};
	settings_read(settings, pair, table, COUNT_OF(table), base);
}

static void read_log(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "level", .offset = CONFIG(log_level)},
		{.name = "format", .offset = CONFIG(log_format)},
	};
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	const struct config *config = base;
	bool known = false;
	settings_read(settings, pair, table, COUNT_OF(table), base);
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		known = known || strcmp(levels[i], config->log_level) == 0;
	if (!known)
		settings_complain(settings, pair, true, "log.level must be debug, info, warning or error");
	if (strcmp(config->log_format, "text") != 0 && strcmp(config->log_format, "json") != 0)
		settings_complain(settings, pair, true, "log.format must be text or json");
}

static const struct setting table[] = {
	{.name = "version", .type = SETTING_OWN, .read = read_version, .required = true},
	{.name = "state", .type = SETTING_PATH, .offset = CONFIG(state)},
	{.name = "poll", .type = SETTING_DURATION, .offset = CONFIG(poll)},
	{.name = "listen", .type = SETTING_OWN, .read = read_listen},
	{.name = "api", .type = SETTING_OWN, .read = read_api},
	{.name = "namespace", .type = SETTING_OWN, .read = read_namespace},
	{.name = "installationID", .type = SETTING_OWN, .read = read_installation},
	{.name = "applications", .type = SETTING_PATH, .offset = CONFIG(applications)},
	{.name = "secrets", .type = SETTING_PATH, .offset = CONFIG(secrets)},
	{.name = "applicationSelector", .type = SETTING_OWN, .read = read_selector},
	{.name = "lease", .type = SETTING_OWN, .read = read_lease},
	{.name = "kubernetes", .type = SETTING_OWN, .read = read_kubernetes},
	{.name = "git", .type = SETTING_OWN, .read = read_git},
	{.name = "tools", .type = SETTING_OWN, .read = read_tools},
	{.name = "repositories", .type = SETTING_OWN, .read = config_read_repositories},
	{.name = "databases", .type = SETTING_OWN, .read = config_read_databases},
	{.name = "rules", .type = SETTING_OWN, .read = config_read_rules},
	{.name = "sealing", .type = SETTING_OWN, .read = read_sealing},
	{.name = "webhook", .type = SETTING_OWN, .read = read_webhook},
	{.name = "log", .type = SETTING_OWN, .read = read_log},
};

static const char *folder_of(const char *file, struct arena *mem)
{
	char *copy = arena_copy(mem, file);
	CLEANUP(memory_freep) char *real = realpath(dirname(copy), NULL);
	if (real && strcmp(real, "/") == 0)
		return "";
	return real ? arena_copy(mem, real) : ".";
}

static void read_document(
	struct settings *settings, const struct yaml_documents *documents, struct config *config)
{
	static const struct yaml_node nothing = {.kind = YAML_MAP, .line = 1, .column = 1};
	struct yaml_pair whole = {"the agent file", 1, 1, (struct yaml_node *)(uintptr_t)&nothing, YAML_STRING};
	if (documents->count > 1) {
		mistakes_add(settings->mistakes, settings->file, documents->items[1]->line,
			documents->items[1]->column, "a second document: the agent file is one");
		return;
	}
	if (documents->count)
		whole = (struct yaml_pair){whole.key, documents->items[0]->line, documents->items[0]->column,
			documents->items[0], YAML_STRING};
	settings_read(settings, &whole, table, COUNT_OF(table), config);
}

static bool report_first(struct mistakes *mistakes, struct arena *mem, struct error *err)
{
	mistakes_sort(mistakes);
	size_t more = mistakes->count + mistakes->dropped - 1;
	error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes->items[0], mem));
	if (more) {
		struct error first = *err;
		return error_set(err, ERROR_INVALID, "%s (and %zu more)", first.text, more);
	}
	return false;
}

bool config_read(const char *file, struct arena *mem, struct config *config, struct mistakes *mistakes,
	struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_CONFIG_BYTES);
	struct yaml_documents documents;
	struct config read = {
		.file = arena_copy(mem, file),
		.state = "/var/lib/pgitops",
		.poll = 30000,
		.listen = "127.0.0.1:8080",
		.namespace = "argocd",
		.lease = {.name = "pgitops", .duration = 12000},
		.git_deadline = 60000,
		.log_level = "info",
		.log_format = "text",
	};
	if (!file_read(file, &bytes, err)) {
		mistakes_add(mistakes, "", 0, 0, "%s", err->text);
		return false;
	}
	yaml_read(file, buf_string(&bytes), bytes.length, mem, &documents, mistakes);
	struct settings settings = {
		.file = file, .folder = folder_of(file, mem), .mem = mem, .mistakes = mistakes};
	if (!mistakes->count)
		read_document(&settings, &documents, &read);
	if (!read.lease.namespace)
		read.lease.namespace = read.namespace;
	read.manager = read.installation;
	if (read.lease.used && !read.installation)
		read.manager = arena_printf(mem, "%s/%s", read.lease.namespace, read.lease.name);
	if (read.lease.used && read.kubernetes_off)
		mistakes_add(mistakes, file, 0, 0,
			"lease is an object of the cluster, and kubernetes.none is true: take one of them out");
	if (read.selector && read.applications)
		mistakes_add(mistakes, file, 0, 0,
			"applicationSelector chooses among objects of the cluster, and applications names a folder: take one of them "
			"out");
	for (size_t i = 0; read.kubernetes_off && i < read.database_count; i++)
		if (read.databases[i].cluster.name)
			mistakes_add(mistakes, file, read.databases[i].line, 0,
				"postgresql is an object of the cluster, and kubernetes.none is true: name a connection");
	if (mistakes->count)
		return report_first(mistakes, mem, err);
	read.paths = settings.paths;
	read.path_count = settings.path_count;
	*config = read;
	return true;
}
