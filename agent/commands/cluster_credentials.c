/* cluster_credentials.c - `pgitops cluster credentials`: the logins that the operator has made, and the password of one */
#include <string.h>

#include "agent/commands/cluster_place.h"
#include "base/clock.h"
#include "base/http/percent.h"
#include "base/protect.h"
#include "base/text.h"

const char command_cluster_credentials_help[] =
	"Shows the logins of a cluster for which the operator keeps a Secret: user, Secret, since when its password is what it is,\n"
	"and the database that it owns. With USER that one with its password, and how it connects inside of the cluster\n"
	"(`pgitops cluster connect` is the way in from anywhere else). The Secrets are asked for with your own rights: list on secrets,\n"
	"with USER get of that one. A login NAMESPACE.USER (enable_cross_namespace_secret of the operator) has it in that namespace,\n"
	"shown as NAMESPACE/SECRET: the same right is needed there, and is named where it is missing. Users of users.yaml\n"
	"have no such Secret; their passwords are with whoever sealed them.\n\n"
	"      --password   the password of USER alone, for a pipe\n" CLUSTER_PLACE_HELP "\nExamples:\n"
	"  pgitops cluster credentials acid-minimal-cluster\n"
	"  pgitops cluster credentials acid-minimal-cluster postgres\n"
	"  pgitops cluster credentials default/acid-minimal-cluster foo_user -o json | jq -r .uri\n";

enum { PORT = 5432 };

struct asked {
	const char *user; /* NULL = all */
	bool password;
};

static void set_time(json_t *object, const char *key, int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	if (!time)
		return;
	clock_text_seconds(time, text);
	json_object_set_new(object, key, json_string(text));
}

static json_t *document_of(const struct cluster_login *login)
{
	json_t *out = json_pack("{s:s,s:s,s:s}", "user", login->user, "secret", login->secret,
		"secretNamespace", login->namespace);
	json_set_text(out, "database", login->database);
	set_time(out, "created", login->created);
	set_time(out, "changed", login->changed);
	return out;
}

/* With its namespace where that is not the cluster's. */
static const char *secret_text(const struct command_context *context, const struct cluster_place *place,
	const struct cluster_login *login)
{
	return text_equal(login->namespace, place->namespace)
		? login->secret
		: arena_printf(context->mem, "%s/%s", login->namespace, login->secret);
}

/* ---- all of them ---- */

static void show_table(const struct command_context *context, const struct cluster_place *place,
	const struct cluster_logins *logins)
{
	static const char *const headers[] = {"USER", "SECRET", "SINCE", "DATABASE"};
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < logins->count; i++) {
		const struct cluster_login *login = &logins->items[i];
		char since[16] = "-";
		if (login->changed)
			duration_text((clock_now() - login->changed) / 1000, since);
		table_cell(table, login->user, CELL_PLAIN);
		table_cell(table, secret_text(context, place, login), CELL_PLAIN);
		table_cell(table, since, CELL_PLAIN);
		table_cell(table, command_or_dash(login->database), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

static int show_all(const struct command_context *context, const struct cluster_place *place)
{
	struct cluster_logins logins = {0};
	struct error err;
	if (!cluster_logins_read(place, context->mem, &logins, &err))
		return command_failed(&err);
	CLEANUP(json_done) json_t *items = json_array();
	for (size_t i = 0; i < logins.count; i++)
		json_array_append_new(items, document_of(&logins.items[i]));
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *document = json_pack("{s:O}", "items", items);
		output_document(&context->output, document);
	} else if (!command_is_empty(items,
			   arena_printf(context->mem, "there is no Secret of a login of %s",
				   cluster_place_title(place, context->mem)))) {
		show_table(context, place, &logins);
	}
	if (logins.note)
		command_block(context, stderr, 0, logins.note, CELL_BUSY);
	return logins.count ? EXIT_YES : EXIT_NO;
}

/* ---- one of them ---- */

static const char *uri_of(const char *user, const char *host, const char *database, struct arena *mem)
{
	CLEANUP(buf_done) struct buf uri = BUF(8192);
	buf_text(&uri, "postgresql://");
	percent_encode(&uri, user);
	buf_printf(&uri, "@%s:%d/", host, PORT);
	percent_encode(&uri, database);
	buf_text(&uri, "?sslmode=require");
	return arena_copy(mem, buf_string(&uri));
}

/* Bytes beyond UTF-8 are no text for JSON; a person gets them as escapes, a pipe as they are. */
static json_t *one_document(const struct cluster_place *place, const struct cluster_login *login,
	const struct secret *password, const char *uri, const char *host)
{
	json_t *out = document_of(login);
	json_set_text(out, "namespace", place->namespace);
	json_set_text(out, "cluster", place->name);
	json_object_set_new(out, "password", json_stringn(password->bytes, password->length));
	json_set_text(out, "host", host);
	json_object_set_new(out, "port", json_integer(PORT));
	json_set_text(out, "uri", uri);
	return out;
}

static void show_fields(const struct command_context *context, const struct cluster_place *place,
	const struct cluster_login *login, const struct secret *password, const char *uri, const char *host)
{
	char since[CLOCK_TEXT_SIZE] = "";
	if (login->changed)
		clock_text_seconds(login->changed, since);
	const struct {
		const char *name, *value;
	} fields[] = {{"User", login->user}, {"Password", password->bytes}, {"Host", host},
		{"Port", arena_printf(context->mem, "%d", PORT)}, {"Database", login->database}, {"URI", uri},
		{"Secret", secret_text(context, place, login)}, {"Since", since}};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (fields[i].value && *fields[i].value)
			command_field(context, fields[i].name, fields[i].value, CELL_PLAIN);
}

static int show_one(
	const struct command_context *context, const struct cluster_place *place, const struct asked *asked)
{
	struct arena *mem = context->mem;
	struct cluster_login login;
	CLEANUP(secret_done) struct secret password = {0};
	struct error err;
	if (!cluster_login_find(place, asked->user, mem, &login, &password, &err)) {
		int code = command_failed(&err);
		return err.kind == ERROR_MISSING ? EXIT_NO : code;
	}
	if (asked->password) {
		fwrite(password.bytes, 1, password.length, stdout);
		putchar('\n');
		return EXIT_YES;
	}
	const char *host = arena_printf(mem, "%s.%s.svc", place->name, place->namespace);
	const char *database =
		login.database ? arena_copy_n(mem, login.database, strcspn(login.database, ",")) : "postgres";
	const char *uri = uri_of(login.user, host, database, mem);
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *document = one_document(place, &login, &password, uri, host);
		output_document(&context->output, document);
	} else {
		show_fields(context, place, &login, &password, uri, host);
	}
	return EXIT_YES;
}

int command_cluster_credentials(struct command_context *context, int argc, char **argv)
{
	struct cluster_place place = {0};
	struct asked asked = {0};
	const struct command_option options[] = {{"--password", &asked.password, NULL}};
	struct error err;
	int code = EXIT_NO_ANSWER;
	protect_memory();
	if (cluster_place_arguments(context, &place, &argc, argv, options, COUNT_OF(options), 2)) {
		asked.user = argc > 1 ? argv[1] : NULL;
		if (asked.password && !asked.user)
			code = command_misused(context, "--password is of one login: USER is missing");
		else if (!cluster_place_open(context, &place, false, &err) ||
			!cluster_place_of_kubernetes(
				&place, "its password stands where the entry's passwordFrom says", &err))
			code = command_failed(&err);
		else
			code = asked.user ? show_one(context, &place, &asked) : show_all(context, &place);
	}
	cluster_place_done(&place);
	return code;
}
