#include "reconcile/source/ssh_key.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

static const char magic[] = "openssh-key-v1"; /* with its NUL */
static const char passphrase_text[] =
	"the ssh key has a passphrase, and nobody is there to type it: take it off a copy (ssh-keygen -p -N '' -f COPY; where that "
	"does not read it, openssl pkey -in FILE -out COPY) and give that one";

/* What people give instead of a key, by a word that stands in it. */
static const struct {
	const char *word;
	bool begins; /* the text begins with it */
	const char *said;
} no_keys[] = {
	{"PuTTY-User-Key-File", false,
		"the ssh key is in PuTTY's form: write it in OpenSSH's with `puttygen FILE -O private-openssh -o NEW`"},
	{"BEGIN SSH2 ENCRYPTED PRIVATE KEY", false,
		"the ssh key is in the form of SSH2: write it in OpenSSH's with `ssh-keygen -i -f FILE > NEW`"},
	{"BEGIN DSA PRIVATE KEY", false,
		"the ssh key is a DSA key, which no server takes any more: make another (ssh-keygen -t ed25519)"},
	{"PUBLIC KEY-----", false,
		"the ssh key is a public key: give the private half, in the file whose name does not end with .pub"},
	{"ssh-", true,
		"the ssh key is a public key: give the private half, in the file whose name does not end with .pub"},
	{"ecdsa-", true,
		"the ssh key is a public key: give the private half, in the file whose name does not end with .pub"},
	{"LS0tLS1CRUdJTi", true,
		"the ssh key is the base64 of a key: in a file and in `stringData` it stands as it is (base64 -d)"},
};

struct part {
	const char *label, *body, *end; /* of "-----BEGIN LABEL-----", body, "-----END" */
	size_t label_length;
};

/* Of several parts the one with the private key: "EC PARAMETERS" may stand before it. */
static bool find_private(const char *text, struct part *part)
{
	static const char begin[] = "-----BEGIN ", suffix[] = "PRIVATE KEY";
	const size_t suffix_length = sizeof(suffix) - 1;
	while ((text = strstr(text, begin))) {
		text += sizeof(begin) - 1;
		const char *dashes = strstr(text, "-----"), *end = dashes ? strstr(dashes, "-----END") : NULL;
		size_t length = dashes ? (size_t)(dashes - text) : 0;
		if (length < suffix_length || memcmp(text + length - suffix_length, suffix, suffix_length) != 0)
			continue;
		*part = (struct part){text, dashes + 5, end ? end : text + strlen(text), length};
		return true;
	}
	return false;
}

static bool is_labelled(const struct part *part, const char *label)
{
	return part->label_length == strlen(label) && memcmp(part->label, label, part->label_length) == 0;
}

/* --- OpenSSH's own format (PROTOCOL.key) --- */

static bool skip(const unsigned char **at, const unsigned char *end, size_t *length)
{
	const unsigned char *p = *at;
	if (end - p < 4)
		return false;
	*length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (*length > (size_t)(end - p) - 4)
		return false;
	*at = p + 4 + *length;
	return true;
}

static bool is_word(const unsigned char *end, size_t length, const char *word)
{
	return length == strlen(word) && memcmp(end - length, word, length) == 0;
}

/* cipher, kdf, its options, the number of keys, the public keys: each begins with its kind */
static bool check_openssh(const unsigned char *bytes, size_t size, struct error *err)
{
	const unsigned char *at = bytes + sizeof(magic), *end = bytes + size;
	size_t length;
	if (size < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0 || !skip(&at, end, &length))
		return error_set(
			err, ERROR_DENIED, "the ssh key is damaged: it is no valid OpenSSH private key");
	if (!is_word(at, length, "none"))
		return error_set(err, ERROR_DENIED, "%s", passphrase_text);
	bool read = skip(&at, end, &length);
	read = read && skip(&at, end, &length) && end - at > 8;
	if (read)
		at += 8; /* the number, and how long the first key is */
	if (read && skip(&at, end, &length) && length > 3 && memcmp(at - length, "sk-", 3) == 0)
		return error_set(err, ERROR_DENIED,
			"the ssh key is that of a security key (FIDO), which somebody has to touch: make another for this purpose "
			"(ssh-keygen -t ed25519)");
	return true;
}

/* --- PKCS #8 --- */

static void put_word(struct buf *out, const void *bytes, size_t length)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_char(out, (char)(length >> shift & 0xff));
	buf_append(out, bytes, length);
}

/* As OpenSSH writes it, for libssh signs with nothing else of this kind. */
static void put_ed25519(struct buf *out, const unsigned char *seed, const unsigned char *public)
{
	static const char kind[] = "ssh-ed25519";
	enum { KEY = 32 };
	CLEANUP(buf_wipe) struct buf key = BUF(LIMIT_SECRET_FILE);
	CLEANUP(buf_wipe) struct buf shown = BUF(LIMIT_SECRET_FILE);
	CLEANUP(buf_wipe) struct buf both = BUF(LIMIT_SECRET_FILE);
	put_word(&shown, kind, sizeof(kind) - 1);
	put_word(&shown, public, KEY);
	buf_append(&both, seed, KEY);
	buf_append(&both, public, KEY);
	buf_append(&key, "\0\0\0\0\0\0\0\0", 8); /* two numbers that are the same when it was decrypted rightly */
	buf_append(&key, shown.data, shown.length);
	put_word(&key, both.data, both.length);
	put_word(&key, "", 0);
	for (char pad = 1; key.length % 8; pad++)
		buf_char(&key, pad);
	buf_append(out, magic, sizeof(magic));
	put_word(out, "none", 4);
	put_word(out, "none", 4);
	put_word(out, "", 0);
	buf_append(out, "\0\0\0\1", 4);
	put_word(out, shown.data, shown.length);
	put_word(out, key.data, key.length);
}

/* False for any other key, which libssh reads as it is. */
static bool take_ed25519(const struct buf *pem, struct buf *out)
{
	unsigned char seed[32], public[32];
	size_t seed_length = sizeof(seed), public_length = sizeof(public);
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
	bool taken = key && EVP_PKEY_base_id(key) == EVP_PKEY_ED25519 &&
		EVP_PKEY_get_raw_private_key(key, seed, &seed_length) == 1 &&
		EVP_PKEY_get_raw_public_key(key, public, &public_length) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	if (taken)
		put_ed25519(out, seed, public);
	OPENSSL_cleanse(seed, sizeof(seed));
	return taken;
}

/* --- as libssh reads it --- */

static void write_pem(struct buf *out, const char *label, size_t label_length, const char *base64, size_t length)
{
	enum { LINE = 64 };
	buf_clear(out);
	buf_printf(out, "-----BEGIN %.*s-----\n", (int)label_length, label);
	for (size_t at = 0; at < length; at += LINE) {
		buf_append(out, base64 + at, length - at < LINE ? length - at : LINE);
		buf_char(out, '\n');
	}
	buf_printf(out, "-----END %.*s-----\n", (int)label_length, label);
}

/* Without what editors, YAML and variables of an environment make of the ends of lines. */
static void put_base64(struct buf *out, const struct part *part)
{
	for (const char *c = part->body; c < part->end; c++)
		if (*c == '\\' && (c[1] == 'n' || c[1] == 'r'))
			c++;
		else if (!strchr(" \t\r\n", *c))
			buf_char(out, *c);
}

static bool write_converted(const struct buf *bytes, struct buf *pem, struct error *err)
{
	static const char label[] = "OPENSSH PRIVATE KEY";
	CLEANUP(buf_wipe) struct buf base64 = BUF(LIMIT_SECRET_FILE);
	for (size_t i = 0; i < 4 * ((bytes->length + 2) / 3) + 1; i++)
		buf_char(&base64, '\0');
	if (buf_failed(bytes) || buf_failed(&base64))
		return error_set(err, ERROR_DENIED, "the ssh key is too large");
	text_base64((const unsigned char *)bytes->data, bytes->length, base64.data);
	write_pem(pem, label, sizeof(label) - 1, base64.data, strlen(base64.data));
	return true;
}

static bool read_part(const struct part *part, struct buf *pem, struct error *err)
{
	CLEANUP(buf_wipe) struct buf base64 = BUF(LIMIT_SECRET_FILE);
	CLEANUP(buf_wipe) struct buf bytes = BUF(LIMIT_SECRET_FILE);
	size_t length = 0;
	put_base64(&base64, part);
	buf_append(&bytes, buf_string(&base64), base64.length);
	if (buf_failed(&bytes) || !base64.length ||
		!text_base64_decode(base64.data, base64.length, (unsigned char *)bytes.data, &length))
		return error_set(err, ERROR_DENIED,
			"the ssh key is damaged: between BEGIN and END stands no base64; compare it with the file that ssh-keygen made");
	write_pem(pem, part->label, part->label_length, base64.data, base64.length);
	if (is_labelled(part, "OPENSSH PRIVATE KEY"))
		return check_openssh((const unsigned char *)bytes.data, length, err);
	buf_clear(&bytes);
	if (is_labelled(part, "PRIVATE KEY") && take_ed25519(pem, &bytes))
		return write_converted(&bytes, pem, err);
	return true;
}

bool ssh_key_read(const struct secret *key, struct buf *pem, struct error *err)
{
	const char *text = key->bytes ? key->bytes : "";
	struct part part;
	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < COUNT_OF(no_keys); i++)
		if (no_keys[i].begins ? text_starts(text, no_keys[i].word)
				      : strstr(text, no_keys[i].word) != NULL)
			return error_set(err, ERROR_DENIED, "%s", no_keys[i].said);
	if (!find_private(text, &part))
		return error_set(err, ERROR_DENIED,
			"the ssh key is no private key: give the file that ssh-keygen made, which begins with -----BEGIN OPENSSH "
			"PRIVATE KEY-----");
	/* "ENCRYPTED PRIVATE KEY" of PKCS #8, "Proc-Type: 4,ENCRYPTED" of older PEM; a comment may say so, too. */
	if (memmem(part.label, part.label_length, "ENCRYPTED", 9) ||
		memmem(part.body, (size_t)(part.end - part.body), "Proc-Type:", 10))
		return error_set(err, ERROR_DENIED, "%s", passphrase_text);
	return read_part(&part, pem, err);
}
