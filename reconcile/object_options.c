#include "reconcile/object_options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ARGO "argocd.argoproj.io/"

enum { WORD_MAXIMUM = 128 };

struct options_reader {
	struct object_options *options;
	const char *annotation;
	bool argo; /* one of Argo CD's own kinds, where annotations have more to say */
	object_options_mistake *mistake;
	void *context;
};

struct option_word {
	const char *word;
	unsigned value;
};

static void PRINTF_LIKE(2, 3) mistake(struct options_reader *reader, const char *format, ...)
{
	char text[512];
	va_list args;
	if (!reader->mistake)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reader->mistake(reader->context, reader->annotation, text);
}

/* The table's value of a word; a word that is not in it is a mistake with the nearest one. False = not known. */
static bool find_word(struct options_reader *reader, const char *word, const struct option_word *words,
	size_t count, unsigned *value)
{
	const char *names[32];
	for (size_t i = 0; i < count; i++) {
		names[i] = words[i].word;
		if (strcmp(words[i].word, word) != 0)
			continue;
		*value = words[i].value;
		return true;
	}
	char hint[TEXT_HINT_SIZE];
	const char *near = text_nearest(word, names, count);
	mistake(reader, "\"%s\" is not supported%s", word, text_hint(near, hint));
	return false;
}

/* The next word of a list with commas, blanks around it cut off, and `*list` behind it; false at the end. */
static bool next_word(struct options_reader *reader, const char **list, char word[WORD_MAXIMUM])
{
	while (**list) {
		size_t length = strcspn(*list, ",");
		const char *begin = *list + strspn(*list, " \t");
		size_t size = length > (size_t)(begin - *list) ? length - (size_t)(begin - *list) : 0;
		while (size && (begin[size - 1] == ' ' || begin[size - 1] == '\t'))
			size--;
		*list += length;
		*list += **list == ',';
		if (size && size < WORD_MAXIMUM) {
			memcpy(word, begin, size);
			word[size] = '\0';
			return true;
		}
		if (size)
			mistake(reader, "a word of more than %d bytes is none of those known",
				WORD_MAXIMUM - 1);
	}
	return false;
}

/* ---- hooks ---- */

static const struct option_word hook_words[] = {
	{"PreSync", HOOK_PRE_SYNC},
	{"Sync", HOOK_SYNC},
	{"PostSync", HOOK_POST_SYNC},
	{"SyncFail", HOOK_SYNC_FAIL},
	{"PreDelete", HOOK_PRE_DELETE},
	{"PostDelete", HOOK_POST_DELETE},
	{"Skip", HOOK_SKIP},
};

/* Helm's own moments; what has no counterpart in a sync is never applied, as in Argo CD. */
static const struct option_word helm_hook_words[] = {
	{"pre-install", HOOK_PRE_SYNC},
	{"pre-upgrade", HOOK_PRE_SYNC},
	{"post-install", HOOK_POST_SYNC},
	{"post-upgrade", HOOK_POST_SYNC},
	{"pre-delete", HOOK_PRE_DELETE},
	{"post-delete", HOOK_POST_DELETE},
	{"pre-rollback", HOOK_SKIP},
	{"post-rollback", HOOK_SKIP},
	{"test", HOOK_SKIP},
	{"test-success", HOOK_SKIP},
	{"test-failure", HOOK_SKIP},
	{"crd-install", 0},
};

const char *object_hook_name(unsigned hook)
{
	for (size_t i = 0; i < COUNT_OF(hook_words); i++)
		if (hook_words[i].value == hook)
			return hook_words[i].word;
	return "";
}

/* What the words of a list ask for together; one that is not known asks for `unknown`. */
static unsigned char read_words(struct options_reader *reader, const char *list,
	const struct option_word *words, size_t count, unsigned unknown)
{
	char word[WORD_MAXIMUM];
	unsigned all = 0;
	while (next_word(reader, &list, word)) {
		unsigned value = unknown;
		find_word(reader, word, words, count, &value);
		all |= value;
	}
	return (unsigned char)all;
}

/* A live object with a hook of a later version is a hook all the same: nobody prunes it. */
static void read_hooks(struct options_reader *reader, const char *text)
{
	reader->options->hooks |= read_words(reader, text, hook_words, COUNT_OF(hook_words), HOOK_SKIP);
}

static void read_helm_hooks(struct options_reader *reader, const char *text)
{
	reader->options->hooks |=
		read_words(reader, text, helm_hook_words, COUNT_OF(helm_hook_words), HOOK_SKIP);
}

static void read_hook_delete(struct options_reader *reader, const char *text)
{
	static const struct option_word words[] = {
		{"HookSucceeded", HOOK_DELETE_SUCCEEDED},
		{"HookFailed", HOOK_DELETE_FAILED},
		{"BeforeHookCreation", HOOK_DELETE_BEFORE},
	};
	reader->options->hook_delete |= read_words(reader, text, words, COUNT_OF(words), 0);
}

static void read_helm_hook_delete(struct options_reader *reader, const char *text)
{
	static const struct option_word words[] = {
		{"hook-succeeded", HOOK_DELETE_SUCCEEDED},
		{"hook-failed", HOOK_DELETE_FAILED},
		{"before-hook-creation", HOOK_DELETE_BEFORE},
	};
	reader->options->hook_delete |= read_words(reader, text, words, COUNT_OF(words), 0);
}

/* ---- sync options of one object ---- */

static void take_sync_option(struct options_reader *reader, const char *word)
{
	enum {
		PRUNE = 0x10,
		DELETE = 0x20,
		SERVER = 0x30,
		VALIDATE = 0x40,
		REPLACE = 0x50,
		FORCE = 0x60,
		SKIP_MISSING = 0x70,
		LAST = 0x80,
		CONFLICTS = 0x90
	};
	static const struct option_word words[] = {
		{"Prune=true", PRUNE | CHOICE_TRUE},
		{"Prune=false", PRUNE | CHOICE_FALSE},
		{"Prune=confirm", PRUNE | CHOICE_CONFIRM},
		{"Delete=true", DELETE | CHOICE_TRUE},
		{"Delete=false", DELETE | CHOICE_FALSE},
		{"Delete=confirm", DELETE | CHOICE_CONFIRM},
		{"ServerSideApply=true", SERVER | CHOICE_TRUE},
		{"ServerSideApply=false", SERVER | CHOICE_FALSE},
		{"Validate=true", VALIDATE | CHOICE_TRUE},
		{"Validate=false", VALIDATE | CHOICE_FALSE},
		{"Replace=true", REPLACE | CHOICE_TRUE},
		{"Replace=false", REPLACE | CHOICE_FALSE},
		{"Force=true", FORCE | CHOICE_TRUE},
		{"Force=false", FORCE | CHOICE_FALSE},
		{"ForceConflicts=true", CONFLICTS | CHOICE_TRUE},
		{"ForceConflicts=false", CONFLICTS | CHOICE_FALSE},
		{"SkipDryRunOnMissingResource=true", SKIP_MISSING | CHOICE_TRUE},
		{"SkipDryRunOnMissingResource=false", SKIP_MISSING | CHOICE_FALSE},
		{"PruneLast=true", LAST | CHOICE_TRUE},
		{"PruneLast=false", LAST | CHOICE_FALSE},
	};
	struct object_options *options = reader->options;
	unsigned value = 0;
	if (!find_word(reader, word, words, COUNT_OF(words), &value))
		return;
	unsigned char choice = (unsigned char)(value & 0xf);
	switch (value & ~0xfu) {
	case PRUNE:
		options->prune = choice;
		break;
	case DELETE:
		options->delete = choice;
		break;
	case SERVER:
		options->server_side = choice;
		break;
	case VALIDATE:
		options->validate = choice;
		break;
	case REPLACE:
		options->replace = choice;
		break;
	case FORCE:
		options->force = choice == CHOICE_TRUE;
		break;
	case CONFLICTS:
		options->force_conflicts = choice == CHOICE_TRUE;
		break;
	case SKIP_MISSING:
		options->skip_missing = choice == CHOICE_TRUE;
		break;
	default:
		options->prune_last = choice == CHOICE_TRUE;
	}
}

static void read_sync_options(struct options_reader *reader, const char *text)
{
	char word[WORD_MAXIMUM];
	while (next_word(reader, &text, word))
		take_sync_option(reader, word);
}

static void read_compare_options(struct options_reader *reader, const char *text)
{
	static const struct option_word words[] = {
		{"IgnoreExtraneous", 1},
		{"ServerSideDiff=true", 0}, /* that is how we always compare */
		{"IncludeMutationWebhook=true", 0},
		/* Of an Application alone, which is told about them (application_annotations.c). */
		{"ServerSideDiff=false", 0},
		{"IncludeMutationWebhook=false", 0},
	};
	enum { OF_ARGO = 2 };
	reader->options->ignore_extraneous =
		read_words(reader, text, words, COUNT_OF(words) - (reader->argo ? 0 : OF_ARGO), 0);
}

/* ---- single values ---- */

static void read_wave(struct options_reader *reader, const char *text)
{
	char *end = NULL;
	errno = 0;
	long wave = strtol(text, &end, 10);
	if (!*text || *end || errno || wave < INT32_MIN || wave > INT32_MAX)
		mistake(reader, "must be an integer in quotes, such as \"-1\"");
	else
		reader->options->wave = (int32_t)wave;
}

static void read_ignore_health(struct options_reader *reader, const char *text)
{
	reader->options->ignore_health = strcmp(text, "true") == 0;
}

static void read_resource_policy(struct options_reader *reader, const char *text)
{
	if (strcmp(text, "keep") != 0) {
		mistake(reader, "\"%.60s\" is not supported: keep is", text);
		return;
	}
	reader->options->prune = CHOICE_FALSE;
	reader->options->delete = CHOICE_FALSE;
}

/* ---- the annotations ---- */

/* `read` NULL = known, and asks nothing of a sync. Helm's words count only where Argo CD's own are not there, and stand first
   so that those overrule them. */
static const struct {
	const char *name;
	const char *unless; /* this one is there */
	void (*read)(struct options_reader *reader, const char *text);
} annotations_known[] = {
	{"helm.sh/hook", ARGO "hook", read_helm_hooks}, {"helm.sh/hook-weight", ARGO "sync-wave", read_wave},
	{"helm.sh/hook-delete-policy", ARGO "hook-delete-policy", read_helm_hook_delete},
	{"helm.sh/resource-policy", NULL, read_resource_policy}, {ARGO "hook", NULL, read_hooks},
	{ARGO "sync-wave", NULL, read_wave}, {ARGO "hook-delete-policy", NULL, read_hook_delete},
	{ARGO "sync-options", NULL, read_sync_options}, {ARGO "compare-options", NULL, read_compare_options},
	{ARGO "ignore-healthcheck", NULL, read_ignore_health},
	{ARGO "ignore-restart-policy", NULL, NULL},   /* health.c */
	{ARGO "ignore-resource-updates", NULL, NULL}, /* a matter of load only */
	{ARGO "tracking-id", NULL, NULL},             /* set by whoever applies */
	{ARGO "installation-id", NULL, NULL},
	{ARGO "manifest-generate-paths", NULL, NULL}, /* a matter of load only */
};

/* A misspelt name would be passed over in silence by everybody. */
static void check_names(struct options_reader *reader, const json_t *annotations)
{
	const char *names[COUNT_OF(annotations_known)];
	const char *key;
	json_t *value;
	for (size_t i = 0; i < COUNT_OF(annotations_known); i++)
		names[i] = annotations_known[i].name;
	json_object_foreach ((json_t *)(uintptr_t)annotations, key, value) {
		bool known = !text_starts(key, ARGO);
		for (size_t i = 0; !known && i < COUNT_OF(names); i++)
			known = strcmp(names[i], key) == 0;
		if (known)
			continue;
		char hint[TEXT_HINT_SIZE];
		const char *near = text_nearest(key, names, COUNT_OF(names));
		reader->annotation = key;
		mistake(reader, "there is no such annotation for an object%s", text_hint(near, hint));
	}
}

void object_options_read(const json_t *annotations, const char *kind_group,
	object_options_mistake *mistake_call, void *context, struct object_options *options)
{
	bool argo = strcmp(kind_group, "argoproj.io") == 0;
	*options = (struct object_options){0};
	struct options_reader reader = {options, "", argo, mistake_call, context};
	for (size_t i = 0; i < COUNT_OF(annotations_known); i++) {
		const char *text = json_string_value(json_object_get(annotations, annotations_known[i].name));
		if (!text || !annotations_known[i].read ||
			(annotations_known[i].unless &&
				json_object_get(annotations, annotations_known[i].unless)))
			continue;
		reader.annotation = annotations_known[i].name;
		annotations_known[i].read(&reader, text);
	}
	if (options->hooks && !options->hook_delete)
		options->hook_delete = HOOK_DELETE_BEFORE;
	if (mistake_call && !argo)
		check_names(&reader, annotations);
}

void object_options_read_text(
	const char *json, size_t length, const char *kind_group, struct object_options *options)
{
	CLEANUP(json_done) json_t *object = NULL;
	struct error ignored;
	*options = (struct object_options){0};
	if (!memmem(json, length, ARGO, strlen(ARGO)) && !memmem(json, length, "helm.sh/", strlen("helm.sh/")))
		return;
	if (json_read(json, length, &object, &ignored))
		object_options_read(json_at(object, "metadata.annotations"), kind_group, NULL, NULL, options);
}
