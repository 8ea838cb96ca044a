/* The options of kubeseal as they are written there: kubectl's and the log's beside its own, in the environment too, with the
   forms that Go's flag library allows. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

/* Its log, which is klog's: nothing of what we say goes there, so there is nothing to obey. */
static const struct {
	const char *name;
	bool value;
} log_options[] = {
	{"-v", true},
	{"--v", true},
	{"--vmodule", true},
	{"--log_dir", true},
	{"--log_file", true},
	{"--log_file_max_size", true},
	{"--log_backtrace_at", true},
	{"--stderrthreshold", true},
	{"--alsologtostderrthreshold", true},
	{"--logtostderr", false},
	{"--alsologtostderr", false},
	{"--add_dir_header", false},
	{"--skip_headers", false},
	{"--skip_log_headers", false},
	{"--one_output", false},
	{"--legacy_stderr_threshold_behavior", false},
};

/* What is taken out of the words before the command reads its own options. */
struct words {
	struct command_context *context;
	struct sealing_source *source;
	int kept;
	char **argv;
	const char *format;
	const char *token, *username, *password, *request_timeout, *server;
	bool compression;
};

static bool is_option(const char *word, const char *name)
{
	size_t length = strlen(name);
	return strncmp(word, name, length) == 0 && (word[length] == '\0' || word[length] == '=');
}

/* How many words the log's option at `word` is; 0 = it is none. */
static int log_option(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(log_options); i++)
		if (is_option(word, log_options[i].name))
			return log_options[i].value && !strchr(word, '=') ? 2 : 1;
	return strncmp(word, "-v", 2) == 0 && isdigit((unsigned char)word[2]) ? 1 : 0;
}

/* "-nteam" is "-n team" there. */
static char *spread(struct arena *mem, char *word)
{
	static const char letters[] = "fwns";
	if (word[0] != '-' || !word[1] || !strchr(letters, word[1]) || !word[2] || word[2] == '=')
		return word;
	return arena_printf(mem, "-%c=%s", word[1], word + 2);
}

/* Whoever lists the processes reads it no longer; until now everybody could. */
static char *hide(struct arena *mem, char *word)
{
	char *copy = arena_copy(mem, word);
	memset(word, 'x', strlen(word));
	return copy;
}

static void take_words(struct words *words, int argc, char **argv)
{
	struct arena *mem = words->context->mem;
	bool logs = false, ended = false;
	for (int i = 0; i < argc; i++) {
		int log = ended ? 0 : log_option(argv[i]);
		ended = ended || text_equal(argv[i], "--");
		if (log) {
			logs = true;
			i += log - 1;
			continue;
		}
		bool secret = !ended && (is_option(argv[i], "--token") || is_option(argv[i], "--password"));
		if (secret && strchr(argv[i], '='))
			words->argv[words->kept++] = hide(mem, argv[i]);
		else
			words->argv[words->kept++] = ended ? argv[i] : spread(mem, argv[i]);
		if (secret && !strchr(argv[i], '=') && i + 1 < argc)
			words->argv[words->kept++] = hide(mem, argv[++i]);
	}
	if (logs)
		sealing_say(
			"note: there is no log to be set by -v and its like: what there is to say is said on stderr");
}

/* SEALED_SECRETS_ and the option's name in capitals, as kubeseal reads each of its options there. The certificate's is looked
   at where certificates are looked for. */
static bool from_environment(
	const struct command_context *context, const struct command_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[80] = "SEALED_SECRETS_";
		size_t length = strlen(name);
		if (strlen(options[i].name) < 4 || strcmp(options[i].name, "--cert") == 0)
			continue;
		for (const char *at = options[i].name + 2; *at && length + 1 < sizeof(name); at++)
			name[length++] = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
		const char *value = getenv(name);
		if (!value || !*value)
			continue;
		bool no = text_equal(value, "false") || text_equal(value, "0");
		if (options[i].flag && !no && !text_equal(value, "true") && !text_equal(value, "1")) {
			command_misused(context, "%s in the environment is true or false", name);
			return false;
		}
		if (options[i].flag)
			*options[i].flag = !no;
		else
			*options[i].value = value;
	}
	return true;
}

bool sealing_source_of_environment(const struct command_context *context, struct sealing_source *source)
{
	const struct command_option options[] = {{"--controller-name", NULL, &source->controller_name},
		{"--controller-namespace", NULL, &source->controller_namespace},
		{"--kubeconfig", NULL, &source->kubeconfig}, {"--context", NULL, &source->kube.context}};
	return from_environment(context, options, COUNT_OF(options));
}

static bool take_format(struct command_context *context, const char *format)
{
	if (!format)
		return true;
	context->output.format = strcasecmp(format, "yaml") == 0 ? OUTPUT_YAML : OUTPUT_JSON;
	if (strcasecmp(format, "yaml") == 0 || strcasecmp(format, "json") == 0)
		return true;
	command_misused(context, "unsupported output format: %s (json or yaml)", format);
	return false;
}

/* A bare number is seconds, 0 is no end of its own. */
static bool take_timeout(const struct words *words)
{
	int64_t milliseconds;
	char *end;
	const char *text = words->request_timeout;
	if (!text)
		return true;
	long seconds = strtol(text, &end, 10);
	if (*end || !*text)
		seconds = duration_parse(text, &milliseconds) ? (long)((milliseconds + 999) / 1000) : -1;
	words->source->seconds = seconds < 3600 ? (int)seconds : 3600;
	if (seconds >= 0)
		return true;
	command_misused(words->context, "--request-timeout %s is no duration (30, 30s, 5m)", text);
	return false;
}

static bool take_values(const struct words *words)
{
	struct sealing_source *source = words->source;
	const char *server = words->context->server, *agents = getenv("PGITOPS_SERVER");
	if (words->username || words->password) {
		command_misused(words->context,
			"--username and --password: API servers take no passwords since Kubernetes 1.19; a kubeconfig "
			"or --client-certificate and --client-key say who you are");
		return false;
	}
	if (words->token)
		sealing_say("warning: --token stood in the list of processes, which everybody on this machine reads; "
			    "users[].user.tokenFile of a kubeconfig keeps it out of there");
	source->kube.token = words->token;
	/* --server is ours everywhere else: an agent's, which no sealing command asks. */
	source->kube.server = words->server ? words->server : server != agents ? server : NULL;
	source->kube.as_groups = source->groups.items;
	source->kube.as_group_count = source->groups.count;
	return take_format(words->context, words->format) && take_timeout(words);
}

static bool take_repeated(struct words *words)
{
	static const char *const keys[] = {"--private-key", "--recovery-private-key"};
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (!command_repeated(words->context, &words->kept, words->argv, keys[i], &words->source->keys))
			return false;
	return command_repeated(
		words->context, &words->kept, words->argv, "--as-group", &words->source->groups);
}

bool sealing_arguments(struct command_context *context, struct sealing_source *source, int *argc,
	char ***argv, const struct command_option *own, size_t count, int least, int most)
{
	struct words words = {.context = context, .source = source};
	const struct command_option shared[] = {
		{"--controller-name", NULL, &source->controller_name},
		{"--controller-namespace", NULL, &source->controller_namespace},
		{"--kubeconfig", NULL, &source->kubeconfig},
		{"--context", NULL, &source->kube.context},
		{"--cluster", NULL, &source->kube.cluster},
		{"--user", NULL, &source->kube.user},
		{"--server", NULL, &words.server},
		{"-s", NULL, &words.server},
		{"--certificate-authority", NULL, &source->kube.ca_file},
		{"--client-certificate", NULL, &source->kube.client_cert_file},
		{"--client-key", NULL, &source->kube.client_key_file},
		{"--tls-server-name", NULL, &source->kube.tls_server_name},
		{"--insecure-skip-tls-verify", &source->kube.insecure, NULL},
		{"--proxy-url", NULL, &source->kube.proxy},
		{"--token", NULL, &words.token},
		{"--username", NULL, &words.username},
		{"--password", NULL, &words.password},
		{"--as", NULL, &source->kube.as},
		{"--as-uid", NULL, &source->kube.as_uid},
		{"--request-timeout", NULL, &words.request_timeout},
		{"--disable-compression", &words.compression, NULL}, /* we ask for none */
		{"--format", NULL, &words.format},
	};
	size_t all = count + COUNT_OF(shared);
	struct command_option *options = arena_array(context->mem, all, sizeof(*options));
	if (count)
		memcpy(options, own, count * sizeof(*own));
	memcpy(options + count, shared, sizeof(shared));
	words.argv = arena_array(context->mem, (size_t)*argc + 1, sizeof(*words.argv));
	take_words(&words, *argc, *argv);
	if (!from_environment(context, options, all) || !take_repeated(&words) ||
		!command_arguments(context, &words.kept, words.argv, options, all, least, most))
		return false;
	*argc = words.kept;
	*argv = words.argv;
	return take_values(&words);
}
