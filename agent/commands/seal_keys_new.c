/*
 * A sealing key where no controller makes one: its Secret into a file or the cluster, its certificate into pub-cert.pem.
 *
 * What is sealed with a key opens with nothing else, so nothing that is there is ever replaced: no file, no Secret. The key is never shown
 * unless `-w -` asks for it, and is not put where `git add` would find it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/sealing.h"
#include "agent/hook/layout.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"
#include "reconcile/sealed/key_new.h"
#include "reconcile/sealed/wipe.h"

/* Where install.yaml looks for it. */
#define DEFAULT_NAME "pgitops-sealing-key"
#define DEFAULT_NAMESPACE "argocd"

struct new_key {
	struct command_context *context;
	struct sealing_source source;
	const char *output, *public, *name, *namespace;
	const char *bits, *days, *cn;
	bool apply;
	struct sealing_key_wish wish;
};

static bool number(const char *text, long least, long most, long *value)
{
	char *end;
	*value = strtol(text, &end, 10);
	return *text && !*end && *value >= least && *value <= most;
}

static bool take_wish(struct new_key *new)
{
	long bits = SEALING_KEY_BITS, days = SEALING_KEY_HOURS / 24;
	if (new->bits && !number(new->bits, CERTIFICATE_BITS_MIN, CERTIFICATE_BITS_MAX, &bits))
		command_misused(new->context, "--bits takes %d to %d, not %s", CERTIFICATE_BITS_MIN,
			CERTIFICATE_BITS_MAX, new->bits);
	else if (new->days && !number(new->days, 1, 36500, &days))
		command_misused(new->context, "--days takes 1 to 36500, not %s", new->days);
	else if (!text_is_dns_subdomain(new->name))
		command_misused(new->context, "--name %s is no name of a Secret", new->name);
	else if (!text_is_dns_label(new->namespace))
		command_misused(new->context, "--namespace %s is no name of a namespace", new->namespace);
	else if (!new->output && !new->apply)
		command_misused(new->context,
			"say where the private key goes: -w FILE for its Secret in a file (mode 0600), --apply for the "
			"cluster, or both");
	else {
		new->wish = (struct sealing_key_wish){
			.bits = (int)bits, .seconds = days * 86400, .now = clock_now(), .cn = new->cn};
		return true;
	}
	return false;
}

static bool read_options(struct new_key *new, int argc, char **argv)
{
	const struct command_option options[] = {{"-w", NULL, &new->output}, {"--apply", &new->apply, NULL},
		{"--pub-cert", NULL, &new->public}, {"--name", NULL, &new->name},
		{"--namespace", NULL, &new->namespace}, {"-n", NULL, &new->namespace},
		{"--bits", NULL, &new->bits}, {"--days", NULL, &new->days}, {"--cn", NULL, &new->cn}};
	if (!sealing_arguments(new->context, &new->source, &argc, &argv, options, COUNT_OF(options), 0, 0))
		return false;
	if (!new->namespace)
		new->namespace = new->source.controller_namespace;
	if (!new->namespace)
		new->namespace = DEFAULT_NAMESPACE;
	if (!new->name)
		new->name = DEFAULT_NAME;
	if (!new->public)
		new->public = LAYOUT_CERTIFICATE;
	return take_wish(new);
}

static bool is_stdout(const char *path)
{
	return text_equal(path, "-");
}

static bool in_file(const struct new_key *new)
{
	return new->output && !is_stdout(new->output);
}

/* Where `git add` would take it up: in a work tree, and not ignored. git says 1 to that, 0 to what is ignored, anything else elsewhere. */
static bool is_within_gits_reach(const struct new_key *new)
{
	const char *slash = strrchr(new->output, '/');
	const char *folder = slash ? arena_printf(new->context->mem, "%.*s",
					     (int)(slash - new->output + (slash == new->output)), new->output)
				   : ".";
	const char *const arguments[] = {
		"-C", folder, "check-ignore", "-q", "--", slash ? slash + 1 : new->output, NULL};
	const struct git_call call = {.arguments = arguments};
	struct error ignored;
	int code;
	return git_run(&call, NULL, &code, &ignored) && code == 1;
}

/* Asked before a key is made, and answered by file_create() once more when it is written. */
static bool check_places(const struct new_key *new, struct error *err)
{
	if (!is_stdout(new->public) && access(new->public, F_OK) == 0)
		return error_set(err, ERROR_INVALID,
			"%s is there already, and what is sealed with it opens with its own key alone: move it away, or "
			"name another place with --pub-cert FILE",
			new->public);
	if (!in_file(new))
		return true;
	if (access(new->output, F_OK) == 0)
		return error_set(err, ERROR_INVALID,
			"%s is there already, and may be the only copy of a key: name another file",
			new->output);
	if (is_within_gits_reach(new))
		return error_set(err, ERROR_INVALID,
			"%s would be in a Git checkout and is not ignored there: whoever has the key opens every sealed "
			"password of the repository. Name a file elsewhere, or have Git ignore it first",
			new->output);
	return true;
}

static bool apply(const struct new_key *new, const json_t *secret, struct error *err)
{
	if (sealing_cluster_create(&new->source, secret, err))
		return true;
	if (err->kind == ERROR_CONFLICT)
		return error_set(err, ERROR_INVALID,
			"Secret %s/%s is there already, and a key is never replaced: make another one with --name NAME, "
			"or seal with that one's certificate: kubectl get secret -n %s %s -o "
			"'jsonpath={.data.tls\\.crt}' | base64 -d",
			new->namespace, new->name, new->namespace, new->name);
	if (err->kind == ERROR_DENIED)
		return error_prefix(err,
			"Secret %s/%s may not be made by you (give its file, -w FILE, to somebody who may create "
			"secrets there)",
			new->namespace, new->name);
	return error_prefix(err, "Secret %s/%s", new->namespace, new->name);
}

static bool write_new(const char *path, const struct buf *text, unsigned mode, struct error *err)
{
	return is_stdout(path) ? sealing_write(path, text, mode, err)
			       : file_create(path, buf_string(text), text->length, mode, err);
}

/* The certificate first: without the key it harms nobody, and goes again when the key cannot be written. */
static bool write_both(
	const struct new_key *new, const json_t *secret, const struct buf *certificate, struct error *err)
{
	CLEANUP(buf_wipe) struct buf manifest = BUF(4 * SEALING_KEY_PEM);
	if (!write_new(new->public, certificate, 0644, err))
		return false;
	if (!new->output)
		return true;
	sealing_print(&manifest, secret, new->context->output.format != OUTPUT_JSON);
	if (write_new(new->output, &manifest, 0600, err))
		return true;
	if (!is_stdout(new->public))
		unlink(new->public);
	return false;
}

/* What somebody needs to know, on stderr, for stdout may be the manifest. */
static void tell(const struct new_key *new, const struct certificate *made)
{
	char until[CLOCK_TEXT_SIZE];
	clock_text_seconds(made->not_after, until);
	fprintf(stderr, "a new sealing key, RSA %d bits, certificate until %.10s\n  fingerprint  %s\n",
		made->bits, until, made->fingerprint);
	say(stderr, "  certificate  %s: public, it belongs into Git\n",
		is_stdout(new->public) ? "above" : new->public);
	say(stderr, "  private key  Secret %s/%s%s%s%s\n", new->namespace, new->name,
		new->apply ? ", in the cluster" : "", in_file(new) ? ", in the file " : "",
		in_file(new) ? new->output : "");
	if (in_file(new) && !new->apply)
		say(stderr, "next: kubectl create -f %s, or put it into a folder of sealing.keys\n",
			new->output);
	fputs("Keep a copy where it is safe: what is sealed with this key opens with nothing else.\n", stderr);
}

static bool finish(const struct new_key *new, const struct buf *pem, struct error *err)
{
	CLEANUP(certificate_done) struct certificate made = {0};
	bool cloned;
	if (!certificate_read(new->public, pem->data, pem->length, &made, err))
		return false;
	if (!sealing_trust_named(new->context, made.fingerprint, &cloned, err))
		sealing_say("warning: this clone could not note the certificate: %s", err->text);
	tell(new, &made);
	return true;
}

static bool make(const struct new_key *new, struct error *err)
{
	CLEANUP(secret_done) struct secret key = {0};
	CLEANUP(buf_done) struct buf pem = BUF(SEALING_KEY_PEM);
	CLEANUP(secret_json_done) json_t *secret = NULL;
	if (!check_places(new, err) || !sealing_key_make(&new->wish, &key, &pem, err))
		return false;
	secret = sealing_key_secret(new->namespace, new->name, &key, &pem);
	if (new->apply && !apply(new, secret, err))
		return false;
	if (!write_both(new, secret, &pem, err))
		return new->apply
			? error_prefix(err,
				  "the key is in the cluster as Secret %s/%s, whose tls.crt is the certificate, but",
				  new->namespace, new->name)
			: false;
	return finish(new, &pem, err);
}

int command_seal_keys_new(struct command_context *context, int argc, char **argv)
{
	struct new_key new = {.context = context};
	struct error err;
	sealing_protect_memory();
	if (!read_options(&new, argc, argv))
		return EXIT_NO_ANSWER;
	if (make(&new, &err))
		return EXIT_YES;
	command_failed(&err);
	return err.kind == ERROR_INVALID ? EXIT_NO : EXIT_NO_ANSWER;
}
