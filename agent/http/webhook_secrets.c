#include "agent/http/webhook_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* NULL = nobody's own. */
static const struct webhook_secret *owner_of(
	const struct webhook_secrets *secrets, const char *url, struct arena *mem)
{
	const struct webhook_secret *owner = NULL;
	int best = 0;
	for (size_t i = 0; i < secrets->count; i++) {
		int now = secrets->fit(secrets->items[i].url, url, mem);
		if (now > best) {
			best = now;
			owner = &secrets->items[i];
		}
	}
	return owner;
}

/* False = it announced nothing that is its own to announce. */
static bool keep_own(const struct webhook_secrets *secrets, const struct webhook_secret *own,
	struct webhook_verdict *verdict)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	size_t kept = 0, count = verdict->url_count;
	for (size_t i = 0; i < count; i++)
		if (owner_of(secrets, verdict->urls[i], mem) == own)
			verdict->urls[kept++] = verdict->urls[i];
	verdict->url_count = kept;
	return kept || !count;
}

/* True = nobody else need be asked. */
static bool judge_by(const struct webhook_secrets *secrets, const struct webhook_secret *own,
	const struct webhook_delivery *delivery, struct webhook_verdict *verdict)
{
	webhook_read(own ? &own->secret : &secrets->common, delivery, verdict);
	if (verdict->status == 401)
		return false;
	if (!secrets->count || keep_own(secrets, own, verdict))
		return true;
	verdict->status = 401;
	verdict->text =
		"this secret is not that of the repository, which has one of its own in the agent file, or is another's";
	return false;
}

void webhook_judge(const struct webhook_secrets *secrets, const struct webhook_delivery *delivery,
	struct webhook_verdict *verdict)
{
	struct webhook_verdict refused;
	if (judge_by(secrets, NULL, delivery, verdict))
		return;
	for (size_t i = 0; i < secrets->count; i++) {
		refused = *verdict;
		webhook_done(&refused);
		if (judge_by(secrets, &secrets->items[i], delivery, verdict))
			return;
	}
}

bool webhook_knows_basic(const struct webhook_secrets *secrets, const char *value)
{
	bool known = secrets->common.length && webhook_basic_is(&secrets->common, value);
	for (size_t i = 0; i < secrets->count; i++)
		known = webhook_basic_is(&secrets->items[i].secret, value) || known;
	return known;
}

void webhook_secrets_done(struct webhook_secrets *secrets)
{
	secret_done(&secrets->common);
	for (size_t i = 0; i < secrets->count; i++)
		secret_done(&secrets->items[i].secret);
	free(secrets->items);
	*secrets = (struct webhook_secrets){0};
}
