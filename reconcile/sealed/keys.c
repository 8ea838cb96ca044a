#include "reconcile/sealed/keys.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "reconcile/sealed/rsa.h"
#include "reconcile/sealed/wipe.h"

/* A backup of a controller's keys is one List of Secrets of some 10 KiB each. */
#define KEY_FILE_BYTES (4L * 1024 * 1024)
#define KEYS_MAX 1000

void sealing_keys_done(struct sealing_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		EVP_PKEY_free(keys->items[i].key);
		free(keys->items[i].source);
	}
	free(keys->items);
	free(keys->recent);
	*keys = (struct sealing_keys){0};
}

/* Takes the key over, or frees it when it is known already. */
static bool keep(struct sealing_keys *keys, const char *source, EVP_PKEY *key, struct sealing_key **kept,
	struct error *err)
{
	struct sealing_key found = {.key = key};
	if (!rsa_check(key, source, &found.bits, err))
		return false;
	if (!rsa_fingerprint(key, found.fingerprint))
		return error_set(err, ERROR_INVALID, "%s: the private key cannot be used", source);
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].fingerprint, found.fingerprint) == 0) {
			EVP_PKEY_free(key);
			*kept = &keys->items[i];
			return true;
		}
	if (keys->count == KEYS_MAX)
		return error_set(err, ERROR_INVALID, "more than %d sealing keys", KEYS_MAX);
	found.source = memory_copy(source);
	if (!keys->recent)
		keys->recent = memory_alloc(sizeof(*keys->recent));
	keys->items = memory_resize(keys->items, (keys->count + 1) * sizeof(*keys->items));
	keys->items[keys->count] = found;
	*kept = &keys->items[keys->count++];
	return true;
}

/* The first block that is a private key and parses, as the controller chooses (PKCS#1 or PKCS#8). */
static EVP_PKEY *first_key(const char *pem, size_t length)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	EVP_PKEY *key = NULL;
	char *name, *header;
	unsigned char *data;
	long size;
	while (bio && !key && PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
		const unsigned char *at = data;
		if (strcmp(name, "RSA PRIVATE KEY") == 0 && !*header)
			key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, size);
		else if ((strcmp(name, "PRIVATE KEY") == 0 || strcmp(name, "EC PRIVATE KEY") == 0) && !*header)
			key = d2i_AutoPrivateKey(NULL, &at, size);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)size);
	}
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static bool add_pem(struct sealing_keys *keys, const char *source, const char *pem, size_t length,
	struct sealing_key **kept, struct error *err)
{
	if (memmem(pem, length, "ENCRYPTED", 9))
		return error_set(err, ERROR_INVALID,
			"%s: the private key is protected by a pass phrase; decrypt it first "
			"(`openssl pkey -in FILE -out KEY`)",
			source);
	EVP_PKEY *key = first_key(pem, length);
	if (!key)
		return error_set(err, ERROR_INVALID, "%s holds no private key in PEM form%s", source,
			memmem(pem, length, "BEGIN CERTIFICATE", 17)
				? ", only a certificate: it can seal, not unseal"
				: "");
	if (keep(keys, source, key, kept, err))
		return true;
	EVP_PKEY_free(key);
	return false;
}

/* The dates of the certificate that came with the key. One that does not fit or parse is noted, never a reason to refuse
   the key: it may be the only one that opens a value. */
static void note_certificate(struct sealing_key *key, const char *pem, size_t length)
{
	struct certificate certificate;
	struct error ignored;
	if (!certificate_read(key->source, pem, length, &certificate, &ignored)) {
		key->foreign_certificate = true;
		return;
	}
	key->foreign_certificate = strcmp(key->fingerprint, certificate.fingerprint) != 0;
	if (!key->foreign_certificate) {
		key->not_before = certificate.not_before;
		key->not_after = certificate.not_after;
	}
	certificate_done(&certificate);
}

/* One Secret given as the texts of its fields. */
struct key_secret {
	const char *namespace, *name;
	const char *key, *certificate; /* base64, or NULL */
	size_t key_length, certificate_length;
};

static bool add_secret(
	struct sealing_keys *keys, const char *source, const struct key_secret *from, struct error *err)
{
	CLEANUP(memory_freep)
	char *where = from->name
		? memory_printf("Secret %s/%s", from->namespace ? from->namespace : "", from->name)
		: memory_copy(source);
	CLEANUP(secret_done) struct secret pem = {0};
	CLEANUP(secret_done) struct secret certificate = {0};
	struct sealing_key *kept;
	if (!from->key)
		return error_set(err, ERROR_INVALID, "%s: %s has no data.\"tls.key\": this is no sealing key",
			source, where);
	if (!secret_set_base64(&pem, from->key, from->key_length))
		return error_set(err, ERROR_INVALID, "%s: data.\"tls.key\" of %s is not base64", source, where);
	if (!add_pem(keys, where, pem.bytes, pem.length, &kept, err))
		return false;
	if (from->certificate && secret_set_base64(&certificate, from->certificate, from->certificate_length))
		note_certificate(kept, certificate.bytes, certificate.length);
	return true;
}

static const char *string_of(const json_t *object, const char *key, size_t *length)
{
	const json_t *value = json_object_get(object, key);
	*length = json_string_length(value);
	return json_string_value(value);
}

bool sealing_keys_add_object(
	struct sealing_keys *keys, const char *source, const json_t *object, struct error *err)
{
	const json_t *items = json_object_get(object, "items");
	for (size_t i = 0; i < json_array_size(items); i++)
		if (!sealing_keys_add_object(keys, source, json_array_get(items, i), err))
			return false;
	if (json_is_array(items))
		return json_array_size(items) > 0 ||
			error_set(err, ERROR_MISSING, "%s: the list holds no Secret", source);
	const json_t *data = json_object_get(object, "data");
	struct key_secret from = {
		.namespace = json_text_at(object, "metadata.namespace", NULL),
		.name = json_text_at(object, "metadata.name", NULL),
	};
	from.key = string_of(data, "tls.key", &from.key_length);
	from.certificate = string_of(data, "tls.crt", &from.certificate_length);
	return add_secret(keys, source, &from, err);
}

static const char *text_of(const struct yaml_node *map, const char *key, size_t *length)
{
	const struct yaml_node *node = yaml_get(map, key);
	*length = node && node->kind == YAML_STRING ? node->length : 0;
	return node && node->kind == YAML_STRING ? node->text : NULL;
}

static bool add_node(
	struct sealing_keys *keys, const char *source, const struct yaml_node *node, struct error *err)
{
	const struct yaml_node *items = yaml_get(node, "items"), *metadata = yaml_get(node, "metadata"),
			       *data = yaml_get(node, "data");
	size_t ignored;
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->count; i++)
		if (!add_node(keys, source, items->items[i], err))
			return false;
	if (items && items->kind == YAML_LIST)
		return items->count > 0 ||
			error_set(err, ERROR_MISSING, "%s: the list holds no Secret", source);
	struct key_secret from = {
		.namespace = text_of(metadata, "namespace", &ignored),
		.name = text_of(metadata, "name", &ignored),
	};
	from.key = text_of(data, "tls.key", &from.key_length);
	from.certificate = text_of(data, "tls.crt", &from.certificate_length);
	return add_secret(keys, source, &from, err);
}

bool sealing_keys_add(
	struct sealing_keys *keys, const char *source, const char *bytes, size_t length, struct error *err)
{
	if (memmem(bytes, length, "-----BEGIN ", 11)) {
		struct sealing_key *kept;
		return add_pem(keys, source, bytes, length, &kept, err);
	}
	CLEANUP(secret_tree_done) struct secret_tree tree = {0};
	if (!secret_tree_read(source, bytes, length, &tree, err))
		return false;
	for (size_t i = 0; i < tree.documents.count; i++)
		if (!add_node(keys, source, tree.documents.items[i], err))
			return false;
	return tree.documents.count > 0 ||
		error_set(err, ERROR_INVALID,
			"%s is empty: expected a private key in PEM form or a key Secret", source);
}

bool sealing_keys_add_file(struct sealing_keys *keys, const char *path, struct error *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF(KEY_FILE_BYTES);
	return file_read(path, &bytes, err) &&
		sealing_keys_add(keys, path, buf_string(&bytes), bytes.length, err);
}

/* Certificates lie beside their keys; they are no mistake. */
static bool only_certificate(const char *path)
{
	struct certificate certificate;
	struct error ignored;
	if (!certificate_read_file(path, &certificate, &ignored))
		return false;
	certificate_done(&certificate);
	return true;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

bool sealing_keys_add_folder(
	struct sealing_keys *keys, const char *folder, struct mistakes *problems, struct error *err)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, visible, alphasort);
	if (count < 0)
		return error_set(err, errno == ENOENT ? ERROR_MISSING : ERROR_DENIED,
			"cannot read the folder of sealing keys %s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		CLEANUP(memory_freep) char *path = memory_printf("%s/%s", folder, entries[i]->d_name);
		struct error problem;
		struct stat status;
		if (stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
			!sealing_keys_add_file(keys, path, &problem) && !only_certificate(path))
			mistakes_add(problems, arena_copy(problems->mem, path), 0, 0, "%s", problem.text);
		free(entries[i]);
	}
	free(entries);
	return true;
}
