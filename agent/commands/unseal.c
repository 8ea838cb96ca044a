/* SealedSecrets to Secrets, with private keys that are at hand or in the cluster. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/wipe.h"

static bool open_all(const struct sealed_objects *objects, const struct sealing_keys *keys, bool yaml,
	struct buf *out, struct error *err)
{
	CLEANUP(memory_freep)
	struct sealed_place *places = memory_alloc((objects->count + 1) * sizeof(*places));
	for (size_t i = 0; i < objects->count; i++)
		places[i] =
			(struct sealed_place){json_text_at(objects->items[i].json, "metadata.namespace", ""),
				json_text_at(objects->items[i].json, "metadata.name", "")};
	for (size_t i = 0; i < objects->count; i++) {
		CLEANUP(secret_json_done) json_t *secret = NULL;
		if (!sealed_secret_open(
			    objects->items[i].json, keys, false, places, objects->count, &secret, err))
			return error_prefix(err, "%s:%d", objects->items[i].file, objects->items[i].line);
		sealing_print(out, secret, yaml);
	}
	return true;
}

int sealing_unseal(struct command_context *context, const struct sealing_source *source, const char *input,
	const char *output, int argc, char **argv)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_PATH_BYTES);
	CLEANUP(buf_wipe) struct buf out = BUF(LIMIT_PATH_BYTES);
	CLEANUP(sealing_objects_done) struct sealed_objects objects = {0};
	CLEANUP(sealing_keys_done) struct sealing_keys keys = {0};
	const char *name = input ? input : "stdin";
	struct error err;
	bool yaml = sealing_wants_yaml(context, output ? output : input);
	if (!sealing_read(input, &text, &err) ||
		!(source->keys.count || argc ? sealing_keys_option(&source->keys, argc, argv, &keys, &err)
					     : sealing_cluster_keys(source, &keys, &err)))
		return command_failed(&err);
	bool ok = sealing_objects(name, &text, context->mem, &objects, &err);
	if (ok && !objects.count)
		ok = error_set(&err, ERROR_INVALID, "%s holds no SealedSecret", name);
	ok = ok && open_all(&objects, &keys, yaml, &out, &err);
	ok = ok && sealing_write(output, &out, 0600, &err);
	if (ok)
		return EXIT_YES;
	command_failed(&err);
	return err.kind == ERROR_INVALID ? EXIT_NO : EXIT_NO_ANSWER;
}

int command_unseal(struct command_context *context, int argc, char **argv)
{
	struct sealing_source source = {0};
	const char *input = NULL, *output = NULL;
	const struct command_option options[] = {
		{"-f", NULL, &input},
		{"--sealed-secret-file", NULL, &output},
		{"--secret-file", NULL, &input},
		{"-w", NULL, &output},
	};
	sealing_protect_memory();
	return sealing_arguments(context, &source, &argc, &argv, options, COUNT_OF(options), 0, 1000)
		? sealing_unseal(context, &source, input, output, argc, argv)
		: EXIT_NO_ANSWER;
}
