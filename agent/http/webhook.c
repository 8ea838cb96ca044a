#include "agent/http/webhook.h"

#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/text.h"

enum { WEBHOOK_URL_BYTES = 2048, BASIC_BYTES = 4096 };

static const char ignored_text[] = "only push events are of interest; this one was ignored";

/* ---- who knows the secret ---- */

static bool hex_digit(char c, unsigned char *value)
{
	if (c >= '0' && c <= '9')
		*value = (unsigned char)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (unsigned char)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*value = (unsigned char)(c - 'A' + 10);
	else
		return false;
	return true;
}

/* Exactly 64 hex digits. */
static bool read_digest(const char *text, unsigned char digest[DIGEST_SIZE])
{
	if (strnlen(text, DIGEST_HEX_SIZE) != DIGEST_HEX_SIZE - 1)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		unsigned char high, low;
		if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low))
			return false;
		digest[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Gogs' form: the HMAC alone. */
static bool is_digest(const struct secret *secret, const struct webhook_delivery *delivery, const char *proof)
{
	unsigned char claimed[DIGEST_SIZE], wanted[DIGEST_SIZE];
	if (!proof || !read_digest(proof, claimed))
		return false;
	digest_hmac(secret->bytes, secret->length, delivery->body, delivery->length, wanted);
	return digest_equal(claimed, wanted, DIGEST_SIZE);
}

static bool is_signed(const struct secret *secret, const struct webhook_delivery *delivery, const char *proof)
{
	static const char prefix[] = "sha256=";
	return proof && text_starts(proof, prefix) && is_digest(secret, delivery, proof + strlen(prefix));
}

/* Digests are compared, so that the time tells nothing of the secret's length either. */
static bool is_secret(const struct secret *secret, const void *given, size_t length)
{
	unsigned char claimed[DIGEST_SIZE], wanted[DIGEST_SIZE];
	digest_sha256(given, length, claimed);
	digest_sha256(secret->bytes, secret->length, wanted);
	return digest_equal(claimed, wanted, DIGEST_SIZE);
}

static bool is_token(const struct secret *secret, const struct webhook_delivery *delivery, const char *proof)
{
	(void)delivery;
	return proof && is_secret(secret, proof, strlen(proof));
}

bool webhook_basic_is(const struct secret *secret, const char *proof)
{
	static const char scheme[] = "Basic ";
	unsigned char text[BASIC_BYTES + 4];
	size_t length = proof ? strlen(proof) : 0;
	if (!proof || strncasecmp(proof, scheme, strlen(scheme)) != 0 || length > BASIC_BYTES)
		return false;
	proof += strlen(scheme);
	bool good = text_base64_decode(proof, strlen(proof), text, &length);
	const unsigned char *colon = good ? memchr(text, ':', length) : NULL;
	good = colon && is_secret(secret, colon + 1, length - (size_t)(colon + 1 - text));
	explicit_bzero(text, sizeof(text));
	return good;
}

/* The password; whose name stands before it does not matter. */
static bool is_basic(const struct secret *secret, const struct webhook_delivery *delivery, const char *proof)
{
	(void)delivery;
	return webhook_basic_is(secret, proof);
}

/* ---- which repository was pushed ---- */

/* A URL is compared with the configured ones later, never opened: only its shape is checked here. */
static bool is_url(const json_t *value)
{
	if (!json_is_string(value))
		return false;
	size_t length = json_string_length(value);
	return length && length <= WEBHOOK_URL_BYTES && strlen(json_string_value(value)) == length;
}

/* False = there is something, and it is no URL. */
static bool take_url(struct webhook_verdict *verdict, const json_t *url)
{
	if (!url || json_is_null(url))
		return true;
	if (!is_url(url))
		return false;
	if (verdict->url_count < WEBHOOK_URLS)
		verdict->urls[verdict->url_count++] = json_string_value(url);
	return true;
}

static bool take_urls(struct webhook_verdict *verdict, const char *const *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!take_url(verdict, json_at(verdict->document, places[i])))
			return false;
	return verdict->url_count > 0;
}

static bool github_urls(struct webhook_verdict *verdict)
{
	static const char *const places[] = {
		"repository.clone_url", "repository.ssh_url", "repository.git_url", "repository.html_url"};
	return take_urls(verdict, places, COUNT_OF(places));
}

static bool gitlab_urls(struct webhook_verdict *verdict)
{
	static const char *const places[] = {"project.git_http_url", "project.git_ssh_url", "project.web_url",
		"repository.git_http_url", "repository.git_ssh_url", "repository.homepage"};
	return take_urls(verdict, places, COUNT_OF(places));
}

/* What happens on the whole server, pushes among it. */
static bool gitlab_system_urls(struct webhook_verdict *verdict)
{
	const char *name = json_text_at(verdict->document, "event_name", "");
	bool push = strcmp(name, "push") == 0 || strcmp(name, "tag_push") == 0;
	return !push || gitlab_urls(verdict);
}

/* Bitbucket Cloud names its page alone: https://bitbucket.org/TEAM/REPOSITORY. By ssh it is the same host and path. */
static bool bitbucket_cloud_urls(struct webhook_verdict *verdict)
{
	static const char *const places[] = {"repository.links.html.href"};
	static const char https[] = "https://";
	if (!take_urls(verdict, places, COUNT_OF(places)))
		return false;
	const char *page = verdict->urls[0];
	if (!text_starts(page, https))
		return true;
	json_t *ssh = json_sprintf("ssh://git@%s", page + strlen(https));
	json_object_set_new(verdict->document, "ssh", ssh);
	return take_url(verdict, ssh);
}

static bool bitbucket_server_urls(struct webhook_verdict *verdict)
{
	size_t i;
	json_t *link;
	json_array_foreach (json_at(verdict->document, "repository.links.clone"), i, link)
		if (!take_url(verdict, json_object_get(link, "href")))
			return false;
	return verdict->url_count > 0;
}

/* The kind of event stands in the body. */
static bool azure_urls(struct webhook_verdict *verdict)
{
	static const char *const places[] = {
		"resource.repository.remoteUrl", "resource.repository.sshUrl", "resource.repository.webUrl"};
	return strcmp(json_text_at(verdict->document, "eventType", ""), "git.push") != 0 ||
		take_urls(verdict, places, COUNT_OF(places));
}

/* {"url": "..."} or {"urls": ["...", ...]}, of whoever has curl and openssl. */
static bool own_urls(struct webhook_verdict *verdict)
{
	size_t i;
	json_t *url;
	/* More than there is room for would be passed over without a word. */
	const json_t *one = json_at(verdict->document, "url");
	if (json_array_size(json_at(verdict->document, "urls")) + (one ? 1 : 0) > WEBHOOK_URLS ||
		!take_url(verdict, one))
		return false;
	json_array_foreach (json_at(verdict->document, "urls"), i, url)
		if (!take_url(verdict, url))
			return false;
	return verdict->url_count > 0;
}

/* ---- the forges ---- */

enum { FORGE_EVENTS = 3 };

static const struct forge {
	const char *event; /* the header that names the event; NULL = the first of `events` is all there is */
	const char *proof; /* the header that shows who knows the secret */
	bool (*is_proof)(
		const struct secret *secret, const struct webhook_delivery *delivery, const char *proof);
	const char *refused, *nameless, *homeless; /* what to say: no proof, no event, no URL */
	struct {
		const char *name;
		/* The URLs of the repository. False = there are none, or they are none; none and true = nothing was pushed. NULL = it is
		   a ping. */
		bool (*take)(struct webhook_verdict *verdict);
	} events[FORGE_EVENTS];
} forges[] = {
	{"X-Gogs-Event", "X-Gogs-Signature", is_digest,
		"X-Gogs-Signature is missing or does not match the webhook's secret",
		"the header X-Gogs-Event is empty",
		"the push event names no repository: clone_url, ssh_url or html_url", {{"push", github_urls}}},
	{"X-GitHub-Event", "X-Hub-Signature-256", is_signed,
		"X-Hub-Signature-256 is missing or does not match the webhook's secret",
		"the header X-GitHub-Event is missing",
		"the push event names no repository: clone_url, ssh_url, git_url or html_url",
		{{"push", github_urls}, {"ping", NULL}}},
	{"X-Gitlab-Event", "X-Gitlab-Token", is_token,
		"X-Gitlab-Token is missing or is not the webhook's secret", "the header X-Gitlab-Event is empty",
		"the push event names no repository: project.git_http_url, git_ssh_url or web_url",
		{{"Push Hook", gitlab_urls}, {"Tag Push Hook", gitlab_urls},
			{"System Hook", gitlab_system_urls}}},
	{"X-Event-Key", "X-Hub-Signature", is_signed,
		"X-Hub-Signature is missing or does not match the webhook's secret",
		"the header X-Event-Key is empty",
		"the push event names no repository: repository.links.html (Cloud) or repository.links.clone (Server)",
		{{"repo:push", bitbucket_cloud_urls}, {"repo:refs_changed", bitbucket_server_urls},
			{"diagnostics:ping", NULL}}},
	{NULL, "X-Pgitops-Signature", is_signed, "X-Pgitops-Signature does not match the webhook's secret", "",
		"the body names no repository, or more than 8: {\"url\": \"https://...\"} or {\"urls\": [...]}",
		{{"", own_urls}}},
	{NULL, "Authorization", is_basic, "the password of basic authentication is not the webhook's secret", "",
		"the event git.push names no repository: resource.repository.remoteUrl", {{"", azure_urls}}},
};

const char *const webhook_proofs[] = {"X-Hub-Signature-256", "X-Gitlab-Token", "X-Hub-Signature",
	"X-Gogs-Signature", "X-Pgitops-Signature", NULL};

static const char *header(const struct webhook_delivery *delivery, const char *name)
{
	return delivery->header(delivery->context, name);
}

static bool is_complete(const struct forge *forge, const struct webhook_delivery *delivery)
{
	return (!forge->event || header(delivery, forge->event)) && header(delivery, forge->proof);
}

/* Gitea, Forgejo and Gogs send the headers of others beside their own: the form counts that is there whole. Else it is told what the
   form of its event lacks, and who names no event what GitHub's form lacks. */
static const struct forge *forge_of(const struct webhook_delivery *delivery)
{
	const struct forge *github = NULL;
	for (size_t i = 0; i < COUNT_OF(forges); i++)
		if (is_complete(&forges[i], delivery))
			return &forges[i];
	for (size_t i = 0; i < COUNT_OF(forges); i++) {
		if (forges[i].event && header(delivery, forges[i].event))
			return &forges[i];
		if (!github && forges[i].event && strcmp(forges[i].event, "X-GitHub-Event") == 0)
			github = &forges[i];
	}
	return github;
}

static void answer(struct webhook_verdict *verdict, int status, const char *text)
{
	verdict->status = status;
	verdict->text = text;
}

static void read_push(const struct webhook_delivery *delivery, const struct forge *forge,
	bool (*take)(struct webhook_verdict *verdict), struct webhook_verdict *verdict)
{
	struct error ignored; /* where the body is broken helps nobody: its sender is a program */
	if (!json_read(delivery->body, delivery->length, &verdict->document, &ignored)) {
		answer(verdict, 400, "the body is not valid JSON");
	} else if (!take(verdict)) {
		verdict->url_count = 0;
		answer(verdict, 400, forge->homeless);
	} else if (verdict->url_count) {
		answer(verdict, 202, "the repository will be asked again");
	} else {
		answer(verdict, 202, ignored_text);
	}
}

static void read_event(const struct webhook_delivery *delivery, const struct forge *forge, const char *event,
	struct webhook_verdict *verdict)
{
	for (size_t i = 0; i < FORGE_EVENTS && forge->events[i].name; i++) {
		if (strcmp(event, forge->events[i].name) != 0)
			continue;
		if (forge->events[i].take)
			read_push(delivery, forge, forge->events[i].take, verdict);
		else
			answer(verdict, 202, "the webhook works");
		return;
	}
	answer(verdict, 202, ignored_text);
}

void webhook_read(
	const struct secret *secret, const struct webhook_delivery *delivery, struct webhook_verdict *verdict)
{
	static const char json[] = "application/json";
	*verdict = (struct webhook_verdict){0};
	if (!secret || !secret->length) {
		answer(verdict, 404, "there is no webhook: the agent file names no webhook.secretFile");
		return;
	}
	const struct forge *forge = forge_of(delivery);
	const char *event = forge->event ? header(delivery, forge->event) : forge->events[0].name,
		   *type = header(delivery, "Content-Type");
	if (!forge->is_proof(secret, delivery, header(delivery, forge->proof)))
		answer(verdict, 401, forge->refused);
	else if (!event || (forge->event && !*event))
		answer(verdict, 400, forge->nameless);
	else if (!type || strncasecmp(type, json, strlen(json)) != 0)
		answer(verdict, 415, "set the webhook's content type to application/json");
	else
		read_event(delivery, forge, event, verdict);
}

void webhook_done(struct webhook_verdict *verdict)
{
	json_done(&verdict->document);
	*verdict = (struct webhook_verdict){0};
}
