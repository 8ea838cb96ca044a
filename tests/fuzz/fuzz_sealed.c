/*
 * fuzz_sealed - SealedSecrets, single values, certificates and key files as anybody may write them
 *
 * The first byte says what the rest is taken for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/leak/known.h"
#include "reconcile/leak/leak.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/wipe.h"

static struct sealing_keys keys;
static struct certificate certificate;

static void load(void)
{
	struct error err;
	if (keys.count)
		return;
	if (!sealing_keys_add_file(&keys, SEALED_VECTORS "/key-a.pem", &err) ||
		!certificate_read_file(SEALED_VECTORS "/cert-a.pem", &certificate, &err))
		abort();
}

static void open_value(const char *text, size_t size)
{
	CLEANUP(secret_done) struct secret value = {0};
	struct sealed_shape shape;
	struct error err;
	if (sealed_value_open(&keys, "myns/myname", text, size, &value, NULL, NULL, &err) && !value.bytes)
		abort();
	if (sealed_value_inspect(text, size, &certificate, &shape, &err) && shape.value_bytes > size)
		abort();
}

static void open_raw(const unsigned char *data, size_t size)
{
	char *text = memory_alloc(4 * ((size + 2) / 3) + 1);
	text_base64(data, size, text);
	open_value(text, strlen(text));
	free(text);
}

static void open_documents(const char *text, size_t size)
{
	CLEANUP(secret_tree_done) struct secret_tree tree = {0};
	struct error err;
	if (!secret_tree_read("fuzz", text, size, &tree, &err))
		return;
	for (size_t i = 0; i < tree.documents.count; i++) {
		CLEANUP(json_done) json_t *object = yaml_to_json(tree.documents.items[i]);
		CLEANUP(secret_json_done) json_t *secret = NULL;
		CLEANUP(json_done) json_t *sealed = NULL;
		struct mistakes warnings = {.mem = tree.mem};
		const struct seal_options options = {.default_namespace = "ns"};
		bool opened = sealed_secret_open(object, &keys, false, NULL, 0, &secret, &err);
		if (opened != (secret != NULL))
			abort();
		if (sealed_secret_seal(
			    tree.documents.items[i], &options, &certificate, &warnings, &sealed, &err) &&
			!sealed_secret_open(sealed, &keys, false, NULL, 0, &secret, &err))
			abort(); /* what we seal, we open */
	}
}

static void read_certificate(const char *text, size_t size)
{
	struct certificate read;
	struct error err;
	if (certificate_read("fuzz", text, size, &read, &err))
		certificate_done(&read);
}

static void read_keys(const char *text, size_t size)
{
	struct sealing_keys read = {0};
	struct error err;
	if (!sealing_keys_add(&read, "fuzz", text, size, &err) && err.kind == ERROR_NONE)
		abort();
	sealing_keys_done(&read);
}

static void scan(const char *text, size_t size)
{
	static const char *const paths[] = {"fuzz.yaml", "fuzz.md", "fuzz.ts", "fuzz"};
	struct known *known = known_new();
	struct leaks leaks = {.mem = arena_new(1 << 24)};
	known_add(known, "bob", "correct horse", 13);
	known_ready(known);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		leak_read(known, paths[i], text, size, &leaks);
	for (size_t i = 0; i < leaks.count; i++)
		if (strstr(leaks.items[i].text, "correct horse"))
			abort(); /* a finding never shows the password */
	if (memmem(text, size, "correct horse", 13) && !leaks.count)
		abort();
	leak_done(&leaks);
	arena_free(leaks.mem);
	known_free(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	load();
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	switch (data[0] % 6) {
	case 0:
		open_value(text, size - 1);
		break;
	case 1:
		open_raw(data + 1, size - 1);
		break;
	case 2:
		open_documents(text, size - 1);
		break;
	case 3:
		read_certificate(text, size - 1);
		break;
	case 4:
		read_keys(text, size - 1);
		break;
	default:
		scan(text, size - 1);
	}
	return 0;
}
