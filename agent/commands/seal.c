/* Secrets to SealedSecrets, as kubeseal does it. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/merge_text.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/wipe.h"

struct seal {
	struct command_context *context;
	struct sealing_source source;
	const char *input, *output, *scope_name, *name, *namespace, *from_file, *merge_into;
	char *default_namespace; /* of the kubeconfig; NULL = none is known */
	bool raw, allow_empty, reencrypt, fetch, validate, unseal;
	struct seal_options options;
};

/* Each is a command of its own; one of them at a time. */
static bool one_at_a_time(const struct seal *seal)
{
	int chosen = seal->raw + (seal->merge_into != NULL) + seal->reencrypt + seal->fetch + seal->validate +
		seal->unseal;
	if (chosen > 1)
		command_misused(seal->context,
			"--raw, --merge-into, --re-encrypt, --fetch-cert, --validate and --recovery-unseal exclude each "
			"other");
	else if (seal->from_file && !seal->raw)
		command_misused(seal->context, "--from-file requires --raw");
	return chosen <= 1 && (!seal->from_file || seal->raw);
}

static bool read_options(struct seal *seal, int *argc, char ***argv)
{
	struct command_values files = {0};
	struct sealing_source *source = &seal->source;
	const struct command_option options[] = {
		{"-f", NULL, &seal->input},
		{"--secret-file", NULL, &seal->input},
		{"-w", NULL, &seal->output},
		{"--sealed-secret-file", NULL, &seal->output},
		{"--cert", NULL, &source->certificate},
		{"--ca", NULL, &source->ca},
		{"--scope", NULL, &seal->scope_name},
		{"--name", NULL, &seal->name},
		{"--namespace", NULL, &seal->namespace},
		{"-n", NULL, &seal->namespace},
		{"--raw", &seal->raw, NULL},
		{"--merge-into", NULL, &seal->merge_into},
		{"--allow-empty-data", &seal->allow_empty, NULL},
		{"--re-encrypt", &seal->reencrypt, NULL},
		{"--rotate", &seal->reencrypt, NULL},
		{"--fetch-cert", &seal->fetch, NULL},
		{"--validate", &seal->validate, NULL},
		{"--recovery-unseal", &seal->unseal, NULL},
		{"--from-cluster", &source->from_cluster, NULL},
	};
	if (!command_repeated(seal->context, argc, *argv, "--from-file", &files) ||
		!sealing_arguments(seal->context, source, argc, argv, options, COUNT_OF(options), 0, 100))
		return false;
	if (*argc && !source->keys.count) {
		command_misused(seal->context, "%s is one argument too many", (*argv)[0]);
		return false;
	}
	if (files.count > 1) {
		command_misused(seal->context,
			"must provide only one --from-file when encrypting a single item with --raw");
		return false;
	}
	seal->from_file = files.count ? files.items[0] : NULL;
	seal->options = (struct seal_options){.name = seal->name,
		.namespace = seal->namespace,
		.scope_given = seal->scope_name != NULL,
		.allow_empty = seal->allow_empty};
	if (seal->scope_name && !sealed_scope_parse(seal->scope_name, &seal->options.scope)) {
		command_misused(seal->context, "--scope takes strict, namespace-wide or cluster-wide");
		return false;
	}
	return one_at_a_time(seal);
}

/* What the kubeconfig's context says, where nothing else does. A kubeconfig that cannot be read is told of only when its namespace
   would have been needed. */
static const char *default_namespace(struct seal *seal)
{
	struct error err;
	if (seal->namespace)
		return seal->namespace;
	if (!seal->default_namespace && !sealing_namespace(&seal->source, &seal->default_namespace, &err) &&
		err.kind != ERROR_MISSING)
		sealing_say("note: the namespace of the kubeconfig's context is not known: %s", err.text);
	return seal->default_namespace;
}

/* ---- one value ---- */

/* --from-file FILE or KEY=FILE; without it stdin. The bytes are sealed as they are, with their last line end. */
static bool seal_raw(
	struct seal *seal, const struct certificate *certificate, struct buf *out, struct error *err)
{
	CLEANUP(buf_wipe) struct buf value = BUF(SEALED_VALUE_MAX);
	char label[SEALED_LABEL_SIZE];
	enum sealed_scope scope = seal->options.scope;
	const char *file = seal->from_file && strchr(seal->from_file, '=') ? strchr(seal->from_file, '=') + 1
									   : seal->from_file;
	const char *namespace = scope == SCOPE_CLUSTER ? seal->namespace : default_namespace(seal);
	if (scope != SCOPE_CLUSTER && !namespace)
		return error_set(err, ERROR_INVALID,
			"must provide the --namespace flag with --raw and --scope %s",
			sealed_scope_name(scope));
	if (scope == SCOPE_STRICT && !seal->name)
		return error_set(
			err, ERROR_INVALID, "must provide the --name flag with --raw and --scope strict");
	if (!sealed_label(scope, namespace, seal->name, label, err) ||
		!sealing_read(file ? file : seal->input, &value, err))
		return false;
	if (value.length && value.data[value.length - 1] == '\n')
		sealing_say("warning: the value ends with a line break, which becomes part of it");
	return sealed_value_seal(certificate, label, buf_string(&value), value.length, out, err);
}

/* ---- whole documents ---- */

/* Is the kubeconfig to say where? A scope of the options makes the question idle, and so does a namespace of the Secret. */
static bool is_homeless(const struct seal *seal, const struct yaml_node *document)
{
	const struct yaml_node *namespace = yaml_get(yaml_get(document, "metadata"), "namespace");
	return !seal->namespace && (!namespace || namespace->kind == YAML_NULL) &&
		!(seal->options.scope_given && seal->options.scope == SCOPE_CLUSTER);
}

static bool seal_document(struct seal *seal, const struct yaml_node *document,
	const struct certificate *certificate, bool yaml, struct buf *out, struct error *err)
{
	struct mistakes warnings = {.mem = seal->context->mem};
	CLEANUP(json_done) json_t *sealed = NULL;
	if (is_homeless(seal, document))
		seal->options.default_namespace = default_namespace(seal);
	if (!sealed_secret_seal(document, &seal->options, certificate, &warnings, &sealed, err))
		return false;
	for (size_t i = 0; i < warnings.count; i++)
		sealing_say("warning: line %d: %s", warnings.items[i].line, warnings.items[i].text);
	sealing_print(out, sealed, yaml);
	return true;
}

/* A List of Secrets is several documents. */
static bool seal_documents(struct seal *seal, const struct yaml_node *document,
	const struct certificate *certificate, bool yaml, struct buf *out, struct error *err)
{
	const struct yaml_node *items = yaml_get(document, "items");
	if (!items || items->kind != YAML_LIST)
		return seal_document(seal, document, certificate, yaml, out, err);
	for (size_t i = 0; i < items->count; i++)
		if (!seal_document(seal, items->items[i], certificate, yaml, out, err))
			return false;
	return true;
}

static bool read_secrets(const struct seal *seal, struct secret_tree *tree, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	const char *name = seal->input ? seal->input : "stdin";
	if (!sealing_read(seal->input, &text, err) ||
		!secret_tree_read(name, buf_string(&text), text.length, tree, err))
		return false;
	return tree->documents.count > 0 ||
		error_set(err, ERROR_INVALID,
			"%s: no secrets found. Ensure the input is valid and UTF-8 encoded", name);
}

static bool seal_all(
	struct seal *seal, const struct certificate *certificate, struct buf *out, struct error *err)
{
	CLEANUP(secret_tree_done) struct secret_tree tree = {0};
	bool yaml = sealing_wants_yaml(seal->context, seal->output);
	if (!read_secrets(seal, &tree, err))
		return false;
	for (size_t i = 0; i < tree.documents.count; i++)
		if (!seal_documents(seal, tree.documents.items[i], certificate, yaml, out, err))
			return error_prefix(err, "%s", seal->input ? seal->input : "stdin");
	return true;
}

/* ---- into a SealedSecret that is there ---- */

/* Name and namespace come from the file; its other items keep their ciphertext. */
static bool merge(
	const struct seal *seal, const struct certificate *certificate, struct buf *out, struct error *err)
{
	static const char *const kept[] = {"annotations", "labels"};
	CLEANUP(secret_tree_done) struct secret_tree tree = {0};
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
	CLEANUP(sealing_objects_done) struct sealed_objects objects = {0};
	CLEANUP(json_done) json_t *fresh = NULL;
	struct mistakes warnings = {.mem = seal->context->mem};
	if (!read_secrets(seal, &tree, err) || !sealing_read(seal->merge_into, &text, err) ||
		!sealing_objects(seal->merge_into, &text, seal->context->mem, &objects, err))
		return false;
	if (objects.count != 1 || objects.others || tree.documents.count != 1)
		return error_set(err, ERROR_INVALID,
			"--merge-into takes one Secret into %s with one SealedSecret, not %zu into %zu",
			seal->merge_into, tree.documents.count, objects.count + objects.others);
	json_t *old = objects.items[0].json;
	struct seal_options options = seal->options;
	options.name = json_text_at(old, "metadata.name", NULL);
	options.namespace = NULL;
	options.default_namespace = json_text_at(old, "metadata.namespace", NULL);
	options.scope_given = true;
	options.scope = sealed_secret_scope(json_object_get(old, "metadata"));
	if (!sealed_secret_seal(tree.documents.items[0], &options, certificate, &warnings, &fresh, err))
		return error_prefix(err, "%s", seal->input ? seal->input : "stdin");
	if (!text_equal(json_text_at(fresh, "metadata.namespace", ""),
		    json_text_at(old, "metadata.namespace", "")))
		return error_set(err, ERROR_INVALID, "the Secret is of namespace \"%s\", %s of \"%s\"",
			json_text_at(fresh, "metadata.namespace", ""), seal->merge_into,
			json_text_at(old, "metadata.namespace", ""));
	json_t *spec = json_make_object(old, "spec"), *template = json_make_object(spec, "template"),
	       *metadata = json_make_object(template, "metadata");
	json_object_update(json_make_object(spec, "encryptedData"), json_at(fresh, "spec.encryptedData"));
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const json_t *added = json_object_get(json_at(fresh, "spec.template.metadata"), kept[i]);
		if (json_object_size(added))
			json_object_update(json_make_object(metadata, kept[i]), (json_t *)(uintptr_t)added);
	}
	bool json = seal->context->output.format == OUTPUT_JSON || (text.length && text.data[0] == '{');
	if (json || !merge_text(buf_string(&text), text.length, old, out))
		sealing_print(out, old, !json || seal->context->output.format == OUTPUT_YAML);
	return true;
}

/* ---- with a newer key ---- */

/* Opened in memory and sealed again for the same place; only the values change. */
static bool reseal_values(const json_t *object, const struct sealing_keys *keys,
	const struct certificate *certificate, struct error *err)
{
	struct sealed_secret sealed;
	char label[SEALED_LABEL_SIZE];
	if (!sealed_secret_read(object, &sealed, err) ||
		!sealed_label(sealed.scope, sealed.namespace, sealed.name, label, err))
		return false;
	CLEANUP(json_done) json_t *again = json_object();
	json_t *values = (json_t *)(uintptr_t)sealed.values;
	for (void *at = json_object_iter(values); at; at = json_object_iter_next(values, at)) {
		CLEANUP(secret_done) struct secret value = {0};
		CLEANUP(buf_done) struct buf text = BUF(SEALED_TEXT_MAX);
		const char *item = json_object_iter_key(at);
		if (!sealed_secret_open_value(&sealed, item, keys, NULL, 0, &value, NULL, err) ||
			!sealed_value_seal(certificate, label, value.bytes, value.length, &text, err))
			return error_prefix(err, "SealedSecret %s/%s", sealed.namespace, sealed.name);
		json_object_set_new(again, item, json_string(buf_string(&text)));
	}
	json_object_update(values, again);
	return true;
}

/* What is given has to be SealedSecrets alone; `option` is what asks for them. */
static bool read_sealed(
	const struct seal *seal, const char *option, struct sealed_objects *objects, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
	const char *name = seal->input ? seal->input : "stdin";
	if (!sealing_read(seal->input, &text, err) ||
		!sealing_objects(name, &text, seal->context->mem, objects, err))
		return false;
	return (objects->count && !objects->others) ||
		error_set(err, ERROR_INVALID, "%s: %s takes SealedSecrets and nothing else", name, option);
}

/* With --private-key here, without it by the controller, which alone has the keys. */
static bool reencrypt(const struct seal *seal, int argc, char **argv, const struct certificate *certificate,
	struct buf *out, struct error *err)
{
	CLEANUP(sealing_objects_done) struct sealed_objects objects = {0};
	CLEANUP(sealing_keys_done) struct sealing_keys keys = {0};
	if (!read_sealed(seal, "--re-encrypt", &objects, err))
		return false;
	if (seal->source.keys.count && !sealing_keys_option(&seal->source.keys, argc, argv, &keys, err))
		return false;
	bool yaml = sealing_wants_yaml(seal->context, seal->output ? seal->output : seal->input);
	for (size_t i = 0; i < objects.count; i++) {
		CLEANUP(json_done) json_t *again = NULL;
		json_t *object = objects.items[i].json;
		if (seal->source.keys.count ? !reseal_values(object, &keys, certificate, err)
					    : !sealing_cluster_reencrypt(&seal->source, object, &again, err))
			return false;
		sealing_print(out, again ? again : object, yaml);
	}
	return true;
}

/* ---- what is asked of the controller ---- */

static bool validate(const struct seal *seal, struct error *err)
{
	CLEANUP(sealing_objects_done) struct sealed_objects objects = {0};
	if (!read_sealed(seal, "--validate", &objects, err))
		return false;
	for (size_t i = 0; i < objects.count; i++)
		if (!sealing_cluster_validate(&seal->source, objects.items[i].json, err))
			return false;
	return true;
}

static bool run(struct seal *seal, int argc, char **argv, struct buf *out, struct error *err)
{
	CLEANUP(certificate_done) struct certificate certificate = {0};
	const char *where;
	bool by_controller = seal->reencrypt && !seal->source.keys.count;
	if (seal->validate)
		return validate(seal, err);
	if (!by_controller && !sealing_certificate(seal->context, &seal->source, &certificate, &where, err))
		return false;
	if (seal->raw)
		return seal_raw(seal, &certificate, out, err);
	if (seal->merge_into)
		return merge(seal, &certificate, out, err);
	return seal->reencrypt ? reencrypt(seal, argc, argv, &certificate, out, err)
			       : seal_all(seal, &certificate, out, err);
}

/* --fetch-cert gives a PEM whatever -o says, as there. */
static int fetch_certificate(struct seal *seal)
{
	const char *variable = getenv("SEALED_SECRETS_CERT");
	if (!seal->source.certificate && variable && *variable)
		seal->source.certificate = variable;
	seal->context->output.format = OUTPUT_TABLE;
	return sealing_show_certificate(seal->context, &seal->source, seal->output);
}

static int seal_as_asked(struct seal *seal, int argc, char **argv)
{
	CLEANUP(buf_done) struct buf out = BUF(LIMIT_PATH_BYTES);
	struct error err;
	const char *output = seal->output ? seal->output : seal->merge_into;
	if (!output && seal->reencrypt)
		output = seal->input; /* as kubeseal: the file is replaced */
	bool ok = run(seal, argc, argv, &out, &err);
	if (ok && buf_failed(&out))
		ok = error_set(&err, ERROR_INVALID, "the result is larger than %zu bytes", out.maximum);
	if (!ok || (!seal->validate && !sealing_write(output, &out, 0644, &err))) {
		command_failed(&err);
		return err.kind == ERROR_INVALID ? EXIT_NO : EXIT_NO_ANSWER;
	}
	sealing_warn_of_hooks(seal->context);
	return EXIT_YES;
}

int command_seal(struct command_context *context, int argc, char **argv)
{
	struct seal seal = {.context = context};
	sealing_protect_memory();
	if (!read_options(&seal, &argc, &argv))
		return EXIT_NO_ANSWER;
	if (seal.unseal)
		return sealing_unseal(context, &seal.source, seal.input, seal.output, argc, argv);
	int code = seal.fetch ? fetch_certificate(&seal) : seal_as_asked(&seal, argc, argv);
	memory_freep(&seal.default_namespace);
	return code;
}
