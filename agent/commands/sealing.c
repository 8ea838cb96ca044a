#include "agent/commands/sealing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/certificate_choice.h"
#include "agent/hook/hooks.h"
#include "agent/hook/layout.h"
#include "agent/hook/trust.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/protect.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"

void sealing_protect_memory(void)
{
	protect_memory();
}

void sealing_say(const char *format, ...)
{
	char text[2048];
	CLEANUP(buf_done) struct buf visible = BUF(4 * sizeof(text));
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	output_visible(text, false, &visible);
	fprintf(stderr, "pgitops: %s\n", buf_string(&visible));
}

void sealing_say_mistakes(const struct mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count; i++)
		sealing_say("%s", mistake_text(&mistakes->items[i], mistakes->mem));
	if (mistakes->dropped)
		sealing_say("and %zu more", mistakes->dropped);
}

static bool read_stdin(struct buf *out, struct error *err)
{
	if (hook_read_stdin(out))
		return true;
	if (buf_failed(out))
		return error_set(err, ERROR_INVALID, "stdin holds more than %zu bytes", out->maximum);
	return error_set(err, ERROR_RETRY, "cannot read stdin: %s", strerror(errno));
}

bool sealing_read(const char *path, struct buf *out, struct error *err)
{
	if (!path || text_equal(path, "-"))
		return read_stdin(out, err);
	return file_read(path, out, err);
}

bool sealing_write(const char *path, const struct buf *text, unsigned mode, struct error *err)
{
	if (path && !text_equal(path, "-"))
		/* What is secret is never wider than asked for, whatever was there. */
		return mode & 077 ? file_update(path, buf_string(text), text->length, mode, err)
				  : file_replace(path, buf_string(text), text->length, mode, err);
	if (fwrite(buf_string(text), 1, text->length, stdout) != text->length || fflush(stdout) != 0)
		return error_set(err, ERROR_RETRY, "cannot write to stdout: %s", strerror(errno));
	return true;
}

bool sealing_wants_yaml(const struct command_context *context, const char *path)
{
	if (context->output.format == OUTPUT_YAML || context->output.format == OUTPUT_JSON)
		return context->output.format == OUTPUT_YAML;
	return path && (text_ends(path, ".yaml") || text_ends(path, ".yml"));
}

void sealing_print(struct buf *out, const json_t *object, bool yaml)
{
	if (yaml) {
		buf_text(out, "---\n");
		yaml_write(object, YAML_SORTED, out);
		return;
	}
	char *text = json_dumps(object, JSON_INDENT(2));
	buf_text(out, text ? text : "null");
	buf_char(out, '\n');
	if (text)
		explicit_bzero(text, strlen(text)); /* it may be an opened Secret */
	free(text);
}

/* ---- the certificate ---- */

/* Each pub-cert.pem here and in the folders above, as far as the repository reaches; the nearest first. */
static size_t repository_certificates(struct arena *mem, const char *found[CERTIFICATE_CHOICES])
{
	const char *folder = "";
	size_t count = 0;
	for (int depth = 0; depth < 64 && count < CERTIFICATE_CHOICES; depth++) {
		const char *path = arena_printf(mem, "%s" LAYOUT_CERTIFICATE, folder);
		if (access(path, R_OK) == 0)
			found[count++] = path;
		if (access(arena_printf(mem, "%s.git", folder), F_OK) == 0)
			return count;
		folder = arena_printf(mem, "../%s", folder);
	}
	return count;
}

/* The nearest one, whatever lies further up; outside of a repository, too. */
static const char *repository_certificate(struct arena *mem)
{
	const char *found[CERTIFICATE_CHOICES];
	return repository_certificates(mem, found) ? found[0] : NULL;
}

/* Said of a certificate that was found, not named. */
static void say_choice(struct arena *mem, const char *taken, const char *fingerprint)
{
	const char *found[CERTIFICATE_CHOICES];
	size_t count = repository_certificates(mem, found);
	const char *choice = count > 1 && text_equal(taken, found[0])
		? certificate_choice(mem, taken, fingerprint, found + 1, count - 1)
		: NULL;
	if (choice)
		sealing_say("note: %s", choice);
}

const char *sealing_certificate_path(const char *given)
{
	return text_starts(given, "file:///") ? given + strlen("file://") : given;
}

static bool fetch(const struct command_context *context, const struct sealing_source *source, struct buf *pem,
	const char **where, struct error *err)
{
	const char *variable = getenv("SEALED_SECRETS_CERT"), *given = source->certificate;
	if (!given && !source->from_cluster && variable && *variable)
		given = variable;
	if (given && (text_starts(given, "https://") || text_starts(given, "http://"))) {
		*where = given;
		return sealing_url_certificate(source, given, pem, err);
	}
	if (!given && !source->from_cluster)
		given = repository_certificate(context->mem);
	if (given) {
		*where = given;
		return file_read(sealing_certificate_path(given), pem, err);
	}
	*where = "the certificate remembered of the cluster";
	if (!source->from_cluster && sealing_remembered(source, pem, err))
		return true;
	*where = "the cluster's certificate";
	if (!sealing_cluster_certificate(source, pem, err))
		return error_prefix(err,
			"no certificate was given (--cert, SEALED_SECRETS_CERT, " LAYOUT_CERTIFICATE
			"), and the cluster's cannot be had");
	return true;
}

void sealing_warn(const struct sealing_source *source, const char *where, const struct certificate *certificate)
{
	int64_t days = certificate_days_left(certificate, clock_now());
	CLEANUP(buf_done) struct buf pem = BUF(LIMIT_SECRET_FILE);
	struct certificate cluster;
	struct error ignored;
	if (days < CERTIFICATE_DAYS_WARN)
		sealing_say("warning: %s expires in %lld days: fetch the current one with `pgitops seal cert`",
			where, (long long)days);
	if (certificate->count > 1)
		sealing_say("warning: %s holds %zu certificates; the first one is used", where,
			certificate->count);
	if (!sealing_remembered(source, &pem, &ignored) ||
		!certificate_read(
			"the remembered certificate", buf_string(&pem), pem.length, &cluster, &ignored))
		return;
	if (strcmp(cluster.fingerprint, certificate->fingerprint) != 0)
		sealing_say("warning: %s (%.16s) is not the certificate that the cluster gave last (%.16s)",
			where, certificate->fingerprint, cluster.fingerprint);
	certificate_done(&cluster);
}

/* What the cluster gave last, "" = nothing is remembered. */
static void clusters(const struct sealing_source *source, char fingerprint[DIGEST_HEX_SIZE])
{
	CLEANUP(buf_done) struct buf pem = BUF(LIMIT_SECRET_FILE);
	struct certificate cluster;
	struct error ignored;
	*fingerprint = '\0';
	if (!sealing_remembered(source, &pem, &ignored) ||
		!certificate_read(
			"the remembered certificate", buf_string(&pem), pem.length, &cluster, &ignored))
		return;
	memcpy(fingerprint, cluster.fingerprint, DIGEST_HEX_SIZE);
	certificate_done(&cluster);
}

/* The clone around the current folder, which stays the current one. */
static bool find_clone(struct arena *mem, struct checkout *checkout)
{
	struct error ignored;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = git_checkout(mem, checkout, &ignored) && !checkout->bare;
	if (here >= 0 && fchdir(here) != 0)
		found = false;
	if (here >= 0)
		close(here);
	return found;
}

bool sealing_take_clusters(const struct sealing_source *source, const struct checkout *clone,
	const char *path, const char *fingerprint, struct arena *mem, struct error *err)
{
	char told[DIGEST_HEX_SIZE];
	clusters(source, told);
	if (strcmp(told, fingerprint) == 0)
		return trust_note(clone, path, fingerprint, mem, err);
	/* A clone that knows nothing by itself believes the cluster. */
	if (!*told || !trust_is_new(clone, path, mem))
		return true;
	return error_set(err, ERROR_DENIED,
		"%s (%.16s) is not a certificate that this clone has sealed with, which has sealed with none yet, and the cluster gave "
		"another one (%.16s): `pgitops seal cert -w %s` takes the cluster's own; or compare the fingerprint with whoever put it "
		"there (git log -- %s), then: pgitops seal cert --trust %s",
		path, fingerprint, told, path, path, fingerprint);
}

bool sealing_trust(const struct command_context *context, const struct sealing_source *source,
	const char *path, const char *fingerprint, struct error *err)
{
	struct checkout clone;
	if (strstr(path, "://") || access(path, F_OK) != 0 || !find_clone(context->mem, &clone))
		return true;
	if (!sealing_take_clusters(source, &clone, path, fingerprint, context->mem, err) ||
		!trust_check(&clone, path, fingerprint, context->mem, err))
		return false;
	const char *first = trust_first(&clone, path, fingerprint, context->mem);
	if (first)
		sealing_say("note: %s", first);
	return trust_note(&clone, path, fingerprint, context->mem, err);
}

bool sealing_trust_named(
	const struct command_context *context, const char *fingerprint, bool *cloned, struct error *err)
{
	struct checkout clone;
	*cloned = find_clone(context->mem, &clone);
	return !*cloned || trust_note(&clone, NULL, fingerprint, context->mem, err);
}

bool sealing_certificate(const struct command_context *context, const struct sealing_source *source,
	struct certificate *certificate, const char **where, struct error *err)
{
	CLEANUP(buf_wipe) struct buf pem = BUF(LIMIT_SECRET_FILE);
	struct certificate read;
	if (!fetch(context, source, &pem, where, err) ||
		!certificate_read(*where, buf_string(&pem), pem.length, &read, err))
		return false;
	if (!certificate_valid(&read, *where, clock_now(), err) ||
		!sealing_trust(context, source, *where, read.fingerprint, err)) {
		certificate_done(&read);
		return false;
	}
	sealing_warn(source, *where, &read);
	if (!source->certificate)
		say_choice(context->mem, *where, read.fingerprint);
	*certificate = read;
	return true;
}

void sealing_warn_of_hooks(const struct command_context *context)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct error ignored;
	const char *off =
		hook_open(context->mem, &hook, &ignored) && hook.layout.count ? hook_off(&hook) : NULL;
	if (off)
		sealing_say("warning: %s", off);
}
