#include "agent/config/config_database.h"

#include <string.h>

#include "agent/config/connection.h"
#include "base/text.h"

#define DATABASE(member) offsetof(struct database_config, member)
#define REPOSITORY(member) offsetof(struct repository_config, member)

static void read_secret(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "namespace", .offset = offsetof(struct secret_reference, namespace), .required = true},
		{.name = "name", .offset = offsetof(struct secret_reference, name), .required = true},
		{.name = "key", .offset = offsetof(struct secret_reference, key)},
	};
	struct secret_reference *to = base;
	settings_read(settings, pair, table, COUNT_OF(table), to);
	if (!to->key)
		to->key = "password";
}

static void read_password_from(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "file", .type = SETTING_PATH, .offset = offsetof(struct secret_reference, file)},
		{.name = "secret", .type = SETTING_OWN, .read = read_secret},
	};
	struct secret_reference *to = &((struct database_config *)base)->password;
	if (!settings_read(settings, pair, table, COUNT_OF(table), to))
		return;
	if ((to->file != NULL) + (to->key != NULL) != 1)
		settings_complain(settings, pair, true, "passwordFrom names one of file and secret");
}

static void read_users(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "application", .offset = DATABASE(application), .required = true},
		{.name = "configMap", .offset = DATABASE(config_map)},
		{.name = "key", .offset = DATABASE(key)},
		{.name = "namespace", .offset = DATABASE(users_namespace)},
		{.name = "database", .offset = DATABASE(database)},
	};
	settings_read(settings, pair, table, COUNT_OF(table), base);
}

/* One of two words as a boolean: true is the second. */
static void read_choice(
	struct settings *settings, const struct yaml_pair *pair, const char *no, const char *yes, bool *field)
{
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	if (strcmp(text, no) == 0 || strcmp(text, yes) == 0)
		*field = strcmp(text, yes) == 0;
	else
		settings_complain(settings, pair, false, "%s must be %s or %s", pair->key, no, yes);
}

static void read_adopt(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	bool *field = &((struct roles_policy *)base)->adopt;
	if (pair->value->kind == YAML_BOOL)
		*field = pair->value->boolean;
	else
		read_choice(settings, pair, "never", "listed", field);
}

static void read_upkeep(struct settings *settings, const struct yaml_pair *pair, enum upkeep *upkeep)
{
	static const char *const words[] = {
		[UPKEEP_EXACT] = "exact", [UPKEEP_ADDITIVE] = "additive", [UPKEEP_REPORT] = "report"};
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i], text) == 0) {
			*upkeep = (enum upkeep)i;
			return;
		}
	settings_complain(settings, pair, false, "%s must be exact, additive or report", pair->key);
}

static void read_memberships(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	read_upkeep(settings, pair, &((struct roles_policy *)base)->memberships);
}

static void read_grants(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	read_upkeep(settings, pair, &((struct roles_policy *)base)->grants);
}

static void read_mode(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	read_choice(settings, pair, "apply", "report", &((struct roles_policy *)base)->report_only);
}

static void read_password_check(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	read_choice(settings, pair, "record", "login", &((struct roles_policy *)base)->password_login);
}

static void read_max_deletions(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	const struct yaml_node *value = pair->value;
	if (value->kind == YAML_INTEGER && value->integer >= 0 && value->integer <= 1000000)
		((struct roles_policy *)base)->max_deletions = (int)value->integer;
	else
		settings_complain(settings, pair, false,
			"maxDeletions must be a number of users; 0 = 5 or 10 %%, whichever is more");
}

static void read_attributes(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	const struct yaml_node *list = pair->value;
	struct roles_policy *policy = base;
	const char *words[ATTRIBUTES];
	char hint[TEXT_HINT_SIZE];
	for (unsigned i = 0; i < ATTRIBUTES; i++)
		words[i] = role_attribute_word((enum role_attribute)i);
	if (list->kind != YAML_LIST)
		settings_complain(
			settings, pair, false, "allowAttributes must be a list, as in [createdb, inherit]");
	policy->attributes_said = true;
	for (size_t i = 0; list->kind == YAML_LIST && i < list->count; i++) {
		const char *word = list->items[i]->kind == YAML_STRING ? list->items[i]->text : "";
		enum role_attribute attribute;
		if (role_attribute_of(word, &attribute))
			policy->attributes |= 1U << attribute;
		else
			settings_complain(settings, pair, false,
				"allowAttributes: there is no attribute \"%s\"%s: it is one of createdb, createrole, inherit, "
				"replication, bypassrls, superuser",
				word, text_hint(text_nearest(word, words, ATTRIBUTES), hint));
	}
}

#define POLICY_TEXTS(key, texts, count)                                                                      \
	{                                                                                                    \
		.name = key, .type = SETTING_TEXTS, .offset = offsetof(struct roles_policy, texts),          \
		.count_offset = offsetof(struct roles_policy, count)                                         \
	}

static void read_policy(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		POLICY_TEXTS("protectedRoles", protected_roles, protected_count),
		POLICY_TEXTS("grantableRoles", grantable, grantable_count),
		POLICY_TEXTS("denyRoles", denied, denied_count),
		POLICY_TEXTS("allowExtensions", extensions, extension_count),
		POLICY_TEXTS("allowGrants", grants_allowed, grants_allowed_count),
		POLICY_TEXTS("allowParameters", parameters, parameter_count),
		POLICY_TEXTS("secretNamespaces", secret_namespaces, secret_namespace_count),
		{.name = "adopt", .type = SETTING_OWN, .read = read_adopt},
		{.name = "allowAttributes", .type = SETTING_OWN, .read = read_attributes},
		{.name = "memberships", .type = SETTING_OWN, .read = read_memberships},
		{.name = "grants", .type = SETTING_OWN, .read = read_grants},
		{.name = "mode", .type = SETTING_OWN, .read = read_mode},
		{.name = "passwordCheck", .type = SETTING_OWN, .read = read_password_check},
		{.name = "maxDeletions", .type = SETTING_OWN, .read = read_max_deletions},
	};
	if (pair->value->kind != YAML_NULL)
		settings_read(
			settings, pair, table, COUNT_OF(table), &((struct database_config *)base)->policy);
}

/* retirement: beside the policy in the file, as it says what happens to things and not what is allowed; the plan needs both. */
static void read_retirement(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "hold", .type = SETTING_DURATION, .offset = offsetof(struct roles_policy, hold)},
		{.name = "reassignOwnedTo", .offset = offsetof(struct roles_policy, heir)},
		POLICY_TEXTS("memberships", heir_roles, heir_role_count),
	};
	struct roles_policy *policy = &((struct database_config *)base)->policy;
	if (pair->value->kind == YAML_NULL || !settings_read(settings, pair, table, COUNT_OF(table), policy))
		return;
	if (policy->heir && !*policy->heir)
		policy->heir = NULL;
	if (policy->heir_role_count && !policy->heir)
		settings_complain(settings, pair, true,
			"retirement: memberships are those of the role that reassignOwnedTo names, and it names none");
}

static void read_authentication(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const char *const words[] = {
		[SESSION_AUTHENTICATION_BOUND] = "channel-binding",
		[SESSION_AUTHENTICATION_SCRAM] = "scram",
		[SESSION_AUTHENTICATION_ANY] = "any",
	};
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	for (size_t i = SESSION_AUTHENTICATION_BOUND; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i]) == 0) {
			((struct database_config *)base)->authentication = (enum session_authentication)i;
			return;
		}
	settings_complain(settings, pair, false, "authentication must be channel-binding, scram or any");
}

/* NAMESPACE/NAME */
static void read_postgresql(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	struct operator_reference *to = &((struct database_config *)base)->cluster;
	const char *text = pair->value->kind == YAML_STRING ? pair->value->text : "";
	const char *slash = strchr(text, '/');
	const char *namespace = slash ? arena_copy_n(settings->mem, text, (size_t)(slash - text)) : "";
	if (!slash || !text_is_dns_subdomain(namespace) || !text_is_dns_subdomain(slash + 1)) {
		settings_complain(settings, pair, false,
			"postgresql must be NAMESPACE/NAME of a postgresql object, as in default/acid-minimal-cluster");
		return;
	}
	to->namespace = namespace;
	to->name = arena_copy(settings->mem, slash + 1);
}

/* {name} that is none of the operator's would stand in the Secret's name as it is. */
static bool is_secret_template(const char *text)
{
	static const char *const known[] = {"{username}", "{cluster}", "{tprkind}", "{tprgroup}"};
	bool named = strstr(text, "{username}") != NULL;
	for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
		size_t i = 0;
		while (i < COUNT_OF(known) && !text_starts(at, known[i]))
			i++;
		if (i == COUNT_OF(known))
			return false;
	}
	return named;
}

static void read_operator(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "superUsername", .offset = offsetof(struct operator_reference, superuser)},
		{.name = "secretNameTemplate", .offset = offsetof(struct operator_reference, secret_template)},
	};
	struct operator_reference *to = &((struct database_config *)base)->cluster;
	if (settings_read(settings, pair, table, COUNT_OF(table), to) && to->secret_template &&
		!is_secret_template(to->secret_template))
		settings_complain(settings, pair, false,
			"secretNameTemplate is the operator's secret_name_template: it has {username}, and may have {cluster}, "
			"{tprkind} and {tprgroup}");
}

static const struct setting database_table[] = {
	{.name = "name", .offset = DATABASE(name), .required = true},
	{.name = "connection", .offset = DATABASE(connection)},
	{.name = "postgresql", .type = SETTING_OWN, .read = read_postgresql},
	{.name = "operator", .type = SETTING_OWN, .read = read_operator},
	{.name = "patroni",
		.type = SETTING_TEXTS,
		.offset = DATABASE(patroni),
		.count_offset = DATABASE(patroni_count)},
	{.name = "patroniCaFile", .type = SETTING_PATH, .offset = DATABASE(patroni_ca_file)},
	{.name = "patroniUsername", .offset = DATABASE(patroni_user)},
	{.name = "patroniPasswordFile", .type = SETTING_PATH, .offset = DATABASE(patroni_password_file)},
	{.name = "patroniClientCertFile", .type = SETTING_PATH, .offset = DATABASE(patroni_client_cert_file)},
	{.name = "patroniClientKeyFile", .type = SETTING_PATH, .offset = DATABASE(patroni_client_key_file)},
	{.name = "authentication", .type = SETTING_OWN, .read = read_authentication},
	{.name = "passwordFrom", .type = SETTING_OWN, .read = read_password_from},
	{.name = "users", .type = SETTING_OWN, .read = read_users, .required = true},
	{.name = "policy", .type = SETTING_OWN, .read = read_policy},
	{.name = "retirement", .type = SETTING_OWN, .read = read_retirement},
};

static const struct yaml_pair *pair_of(const struct yaml_pair *map, const char *key)
{
	for (size_t i = 0; map->value->kind == YAML_MAP && i < map->value->count; i++)
		if (strcmp(map->value->pairs[i].key, key) == 0)
			return &map->value->pairs[i];
	return NULL;
}

static void default_text(const char **field, const char *text)
{
	*field = *field ? *field : text;
}

/* Where the server is: one of two ways. */
static void check_cluster(
	struct settings *settings, const struct yaml_pair *pair, struct database_config *database)
{
	const struct yaml_pair *cluster = pair_of(pair, "postgresql"), *how = pair_of(pair, "operator");
	if (!cluster && !pair_of(pair, "connection"))
		settings_complain(settings, pair, true, "%s: connection is missing, or postgresql", pair->key);
	if (cluster && pair_of(pair, "connection"))
		settings_complain(settings, cluster, true,
			"postgresql and connection say the same twice: leave one out");
	if (how && !cluster)
		settings_complain(settings, how, true,
			"operator says how what postgresql names is found, and there is no postgresql");
	if (!cluster)
		return;
	if (pair_of(pair, "passwordFrom"))
		settings_complain(settings, pair_of(pair, "passwordFrom"), true,
			"passwordFrom goes with connection: of a postgresql the password is in the operator's Secret");
	default_text(&database->cluster.superuser, "postgres");
	default_text(&database->cluster.secret_template, OPERATOR_SECRET_TEMPLATE);
	default_text(&database->database, "postgres");
}

/* How the REST APIs are asked: those that `patroni` names, or those of the Pods of `postgresql`. */
static void check_patroni_access(
	struct settings *settings, const struct yaml_pair *pair, const struct database_config *database)
{
	static const char *const keys[] = {"patroniCaFile", "patroniUsername", "patroniPasswordFile",
		"patroniClientCertFile", "patroniClientKeyFile"};
	bool asked = database->patroni_count || pair_of(pair, "postgresql");
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (!asked && pair_of(pair, keys[i]))
			settings_complain(settings, pair_of(pair, keys[i]), true,
				"%s goes with patroni, or with postgresql, and there is neither", keys[i]);
	if (!database->patroni_user != !database->patroni_password_file)
		settings_complain(settings, pair, true,
			"patroniUsername and patroniPasswordFile go together: one of them is missing");
	if (!database->patroni_client_cert_file != !database->patroni_client_key_file)
		settings_complain(settings, pair, true,
			"patroniClientCertFile and patroniClientKeyFile go together: one of them is missing");
}

/* Its members say which server is the primary: host and port of the connection are theirs. */
static void check_patroni(
	struct settings *settings, const struct yaml_pair *pair, const struct database_config *database)
{
	for (size_t i = 0; i < database->patroni_count; i++) {
		const char *url = database->patroni[i];
		if (!text_starts(url, "http://") && !text_starts(url, "https://"))
			settings_complain(settings, pair_of(pair, "patroni"), true,
				"patroni lists URLs of its members' REST APIs, as in [https://10.0.0.5:8008]");
		else if (strchr(url, '@'))
			settings_complain(settings, pair_of(pair, "patroni"), true,
				"patroni: a URL has somebody's name in it: reading Patroni's REST API takes none");
	}
	if (database->patroni_count && !database->connection)
		settings_complain(settings, pair_of(pair, "patroni"), true,
			"patroni goes with connection: of a postgresql the leader is in its Endpoints");
	else if (database->patroni_count &&
		(strstr(database->connection, "://") || strstr(database->connection, "hostaddr") ||
			strstr(database->connection, "service")))
		settings_complain(settings, pair_of(pair, "patroni"), true,
			"with patroni the connection is words as in \"dbname=postgres user=postgres sslmode=require\": "
			"no URI, hostaddr or service, since Patroni says the host");
	check_patroni_access(settings, pair, database);
}

/* libpq reads these itself; "system" is no file. */
static void note_paths(struct settings *settings, const struct yaml_pair *pair, const char *connection)
{
	static const char *const keywords[] = {"sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"};
	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		const char *path = connection_word(connection, keywords[i], settings->mem);
		if (path && !text_equal(path, "system"))
			settings_path(settings, pair,
				arena_printf(settings->mem, "connection: %s", keywords[i]), path);
	}
}

static void check_database(struct settings *settings, const struct yaml_pair *pair,
	const struct config *config, struct database_config *database)
{
	const struct yaml_pair *name = pair_of(pair, "name"), *connection = pair_of(pair, "connection");
	/* It is part of the comment that marks a role as ours. */
	if (database->name && !text_is_dns_subdomain(database->name))
		settings_complain(
			settings, name, false, "name must be lower-case letters, digits, '-' and '.'");
	for (size_t i = 0; database->name && i < config->database_count; i++)
		if (text_equal(config->databases[i].name, database->name))
			settings_complain(settings, name, false, "the database of line %d has this name too",
				config->databases[i].line);
	check_cluster(settings, pair, database);
	check_patroni(settings, pair, database);
	if (!database->connection)
		return;
	if (connection_has_password(database->connection))
		settings_complain(settings, connection, false,
			"connection holds a password, or is no connection string: remove it and name a file or Secret "
			"in passwordFrom");
	else if (!database->database)
		database->database = connection_word(database->connection, "dbname", settings->mem);
	note_paths(settings, connection, database->connection);
}

void config_read_databases(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	size_t count;
	struct config *config = base;
	struct yaml_pair *items = settings_items(settings, pair, &count);
	config->databases = arena_array(settings->mem, count + 1, sizeof(*config->databases));
	for (size_t i = 0; i < count; i++) {
		struct database_config database = {
			.config_map = "postgres-users-config", .key = "users.yaml", .line = items[i].line};
		if (!settings_read(settings, &items[i], database_table, COUNT_OF(database_table), &database))
			continue;
		check_database(settings, &items[i], config, &database);
		config->databases[config->database_count++] = database;
	}
}

static void read_signatures(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "required", .type = SETTING_BOOL, .offset = REPOSITORY(signed_commits), .required = true},
		{.name = "sshKeys", .type = SETTING_PATH, .offset = REPOSITORY(ssh_keys)},
		{.name = "gpgKeys", .type = SETTING_PATH, .offset = REPOSITORY(gpg_keys)},
	};
	struct repository_config *repository = base;
	if (!settings_read(settings, pair, table, COUNT_OF(table), repository))
		return;
	repository->signatures = true;
	if (repository->signed_commits && !repository->ssh_keys && !repository->gpg_keys)
		settings_complain(settings, pair, true,
			"signatures: required without sshKeys or gpgKeys would refuse every commit: name whose signatures count");
}

static const struct setting repository_table[] = {
	{.name = "url", .offset = REPOSITORY(url), .required = true},
	{.name = "username", .offset = REPOSITORY(username)},
	{.name = "passwordFile", .type = SETTING_PATH, .offset = REPOSITORY(password_file)},
	{.name = "tokenFile", .type = SETTING_PATH, .offset = REPOSITORY(token_file)},
	{.name = "sshKeyFile", .type = SETTING_PATH, .offset = REPOSITORY(ssh_key_file)},
	{.name = "knownHostsFile", .type = SETTING_PATH, .offset = REPOSITORY(known_hosts_file)},
	{.name = "caFile", .type = SETTING_PATH, .offset = REPOSITORY(ca_file)},
	{.name = "clientCertFile", .type = SETTING_PATH, .offset = REPOSITORY(client_cert_file)},
	{.name = "clientKeyFile", .type = SETTING_PATH, .offset = REPOSITORY(client_key_file)},
	{.name = "proxy", .offset = REPOSITORY(proxy)},
	{.name = "noProxy", .offset = REPOSITORY(no_proxy)},
	{.name = "insecure", .type = SETTING_BOOL, .offset = REPOSITORY(insecure)},
	{.name = "signatures", .type = SETTING_OWN, .read = read_signatures},
};

/* scheme://user:password@host */
static bool url_has_password(const char *url)
{
	const char *scheme = url ? strstr(url, "://") : NULL;
	if (!scheme)
		return false;
	const char *authority = scheme + 3;
	const char *at = memrchr(authority, '@', strcspn(authority, "/?#"));
	return at && memchr(authority, ':', (size_t)(at - authority));
}

static void check_repository(
	struct settings *settings, const struct yaml_pair *pair, const struct repository_config *repository)
{
	const struct yaml_pair *url = pair_of(pair, "url"), *proxy = pair_of(pair, "proxy");
	if (url_has_password(repository->url))
		settings_complain(settings, url, false,
			"url holds a password: remove it and name a file in passwordFile or tokenFile");
	if (url_has_password(repository->proxy))
		settings_complain(settings, proxy, false, "proxy holds a password, which is not supported");
	if (repository->password_file && repository->token_file)
		settings_complain(settings, pair, true, "%s: set one of passwordFile and tokenFile", pair->key);
	if (!repository->client_cert_file != !repository->client_key_file)
		settings_complain(
			settings, pair, true, "%s: clientCertFile and clientKeyFile go together", pair->key);
	if (repository->ssh_key_file && !repository->known_hosts_file)
		settings_complain(settings, pair, true,
			"%s: sshKeyFile needs knownHostsFile: without it every host is refused (ssh-keyscan HOST makes "
			"one; compare the fingerprint)",
			pair->key);
}

void config_read_repositories(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	size_t count;
	struct config *config = base;
	struct yaml_pair *items = settings_items(settings, pair, &count);
	config->repositories = arena_array(settings->mem, count + 1, sizeof(*config->repositories));
	for (size_t i = 0; i < count; i++) {
		struct repository_config repository = {.line = items[i].line};
		if (!settings_read(
			    settings, &items[i], repository_table, COUNT_OF(repository_table), &repository))
			continue;
		check_repository(settings, &items[i], &repository);
		config->repositories[config->repository_count++] = repository;
	}
}
