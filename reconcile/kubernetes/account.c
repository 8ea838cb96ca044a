#include "reconcile/kubernetes/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#define SUBJECT "system:serviceaccount:"

/* base64url without padding (RFC 7515) as base64. */
static char *as_base64(const char *text, size_t length)
{
	char *copy = memory_alloc(length + 4);
	for (size_t i = 0; i < length; i++)
		copy[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (length % 4)
		copy[length++] = '=';
	copy[length] = '\0';
	return copy;
}

static json_t *claims_of(const struct secret *token)
{
	const char *start = token->length ? strchr(token->bytes, '.') : NULL;
	const char *end = start ? strchr(start + 1, '.') : NULL;
	json_t *claims = NULL;
	struct error ignored;
	if (!end)
		return NULL;
	CLEANUP(memory_freep) char *text = as_base64(start + 1, (size_t)(end - start - 1));
	size_t size = strlen(text) / 4 * 3 + 1, length = 0;
	CLEANUP(memory_freep) char *bytes = memory_alloc(size);
	if (!text_base64_decode(text, strlen(text), (unsigned char *)bytes, &length) ||
		!json_read(bytes, length, &claims, &ignored))
		return NULL;
	return claims;
}

void kube_account_read(const struct secret *token, struct kube_account *account)
{
	CLEANUP(json_done) json_t *claims = claims_of(token);
	const char *subject = json_text_at(claims, "sub", "");
	const char *namespace = text_starts(subject, SUBJECT) ? subject + strlen(SUBJECT) : "";
	const char *colon = strchr(namespace, ':');
	if (!colon || colon == namespace || !colon[1])
		return;
	account->namespace = memory_printf("%.*s", (int)(colon - namespace), namespace);
	account->name = memory_copy(colon + 1);
	/* "kubernetes.io" is one name: json_at() would take it for two. */
	const char *pod = json_text_at(json_object_get(claims, "kubernetes.io"), "pod.name", NULL);
	account->pod = pod ? memory_copy(pod) : NULL;
}

void kube_account_done(struct kube_account *account)
{
	memory_freep(&account->namespace);
	memory_freep(&account->name);
	memory_freep(&account->pod);
}
