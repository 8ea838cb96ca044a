/* The certificate that values are sealed with: the cluster's, a URL's or a file's, shown and kept. */
#include <string.h>

#include "agent/commands/sealing.h"
#include "agent/hook/trust.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"

/* On stderr, so that stdout stays a PEM. */
static void show(const char *where, const struct certificate *certificate)
{
	char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
	clock_text_seconds(certificate->not_before, from);
	clock_text_seconds(certificate->not_after, until);
	say(stderr, "%s\n", where);
	fprintf(stderr,
		"  key          RSA %d bits\n  fingerprint  %s\n  valid        %.10s to %.10s (%lld days left)\n",
		certificate->bits, certificate->fingerprint, from, until,
		(long long)certificate_days_left(certificate, clock_now()));
}

static json_t *document(const char *where, const struct certificate *certificate)
{
	char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
	clock_text_seconds(certificate->not_before, from);
	clock_text_seconds(certificate->not_after, until);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:I}", "source", where, "bits", certificate->bits,
		"fingerprint", certificate->fingerprint, "notBefore", from, "notAfter", until, "daysLeft",
		(json_int_t)certificate_days_left(certificate, clock_now()));
}

static bool fetch(const struct sealing_source *source, struct buf *pem, const char **where, struct error *err)
{
	*where = source->certificate ? source->certificate : "the cluster's certificate";
	if (!source->certificate)
		return sealing_cluster_certificate(source, pem, err);
	return strncmp(source->certificate, "http", 4) == 0
		? sealing_url_certificate(source, source->certificate, pem, err)
		: sealing_read(sealing_certificate_path(source->certificate), pem, err);
}

/* --trust: somebody has compared the fingerprint. */
static int trust(const struct command_context *context, const char *named)
{
	char fingerprint[DIGEST_HEX_SIZE];
	bool cloned;
	struct error err;
	if (!trust_read(named, fingerprint, &err))
		return command_failed(&err);
	if (!sealing_trust_named(context, fingerprint, &cloned, &err))
		return command_failed(&err);
	if (!cloned) {
		sealing_say(
			"--trust is of a clone, and this folder is in none: outside of one nothing is kept");
		return EXIT_NO;
	}
	printf("this clone seals with %s from now on\n", fingerprint);
	return EXIT_YES;
}

int sealing_show_certificate(
	struct command_context *context, const struct sealing_source *source, const char *output)
{
	const char *where = NULL;
	bool cloned;
	CLEANUP(buf_wipe) struct buf pem = BUF(LIMIT_SECRET_FILE);
	CLEANUP(certificate_done) struct certificate certificate = {0};
	struct error err;
	if (!fetch(source, &pem, &where, &err) ||
		!certificate_read(where, buf_string(&pem), pem.length, &certificate, &err))
		return command_failed(&err);
	if (!source->certificate && !sealing_remember(source, &pem, &err))
		sealing_say("warning: %s", err.text);
	if (!source->certificate && !sealing_trust_named(context, certificate.fingerprint, &cloned, &err))
		sealing_say("warning: this clone could not note it: %s", err.text);
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *shown = document(where, &certificate);
		output_document(&context->output, shown);
	} else {
		show(where, &certificate);
	}
	if ((output || !command_is_document(context)) && !sealing_write(output, &pem, 0644, &err))
		return command_failed(&err);
	if (certificate_valid(&certificate, where, clock_now(), &err))
		return EXIT_YES;
	command_failed(&err);
	return EXIT_NO;
}

int command_seal_cert(struct command_context *context, int argc, char **argv)
{
	struct sealing_source source = {0};
	const char *output = NULL, *trusted = NULL;
	const struct command_option options[] = {
		{"-w", NULL, &output},
		{"--sealed-secret-file", NULL, &output},
		{"--trust", NULL, &trusted},
		{"--cert", NULL, &source.certificate},
		{"--ca", NULL, &source.ca},
	};
	if (!sealing_arguments(context, &source, &argc, &argv, options, COUNT_OF(options), 0, 0))
		return EXIT_NO_ANSWER;
	return trusted ? trust(context, trusted) : sealing_show_certificate(context, &source, output);
}
