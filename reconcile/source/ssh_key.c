#include "reconcile/source/ssh_key.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"

static const char passphrase_text[] =
	"the ssh key has a passphrase, and nobody is there to type it: give a key without one (ssh-keygen -p)";

static bool holds(const unsigned char *bytes, size_t length, const char *text)
{
	return memmem(bytes, length, text, strlen(text)) != NULL;
}

/* OpenSSH's own format: "openssh-key-v1", cipher, kdf, number of keys, public keys, ... (PROTOCOL.key). */
static bool check_openssh(const char *body, const char *end, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_SECRET_FILE);
	CLEANUP(buf_wipe) struct buf bytes = BUF(LIMIT_SECRET_FILE);
	size_t length;
	for (const char *c = body; c < end; c++)
		if (!strchr(" \t\r\n", *c))
			buf_char(&text, *c);
	buf_append(&bytes, buf_string(&text), text.length);
	unsigned char *decoded = (unsigned char *)bytes.data;
	if (buf_failed(&bytes) || !decoded || !text_base64_decode(text.data, text.length, decoded, &length) ||
		!holds(decoded, length, "openssh-key-v1"))
		return error_set(
			err, ERROR_DENIED, "the ssh key is damaged: it is no valid OpenSSH private key");
	/* The cipher's name is the first field: length 4 and "none" without a passphrase. */
	if (length < 23 || memcmp(decoded + 19, "none", 4) != 0)
		return error_set(err, ERROR_DENIED, "%s", passphrase_text);
	return true;
}

bool ssh_key_check(const struct secret *key, struct error *err)
{
	static const char openssh[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
	const char *text = key->bytes ? key->bytes : "";
	const char *begin = strstr(text, openssh);
	if (begin) {
		const char *body = begin + strlen(openssh);
		const char *end = strstr(body, "-----END");
		return check_openssh(body, end ? end : body, err);
	}
	if (!strstr(text, "-----BEGIN ") || !strstr(text, "PRIVATE KEY-----"))
		return error_set(err, ERROR_DENIED, "the ssh key is no private key in PEM form");
	if (strstr(text, "ENCRYPTED"))
		return error_set(err, ERROR_DENIED, "%s", passphrase_text);
	return true;
}
