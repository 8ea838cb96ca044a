#include "agent/config/application_annotations.h"

#include <string.h>

#include "agent/config/fields.h"
#include "base/clock.h"
#include "base/text.h"

#define ARGO "argocd.argoproj.io/"
#define COMPARE_OPTIONS ARGO "compare-options"
#define MIGRATION_MANAGER ARGO "client-side-apply-migration-manager"

enum { MANAGER_BYTES = 128 }; /* of a field manager's name, as the API server takes it */

static void read_refresh(struct fields *fields, const char *text, struct application *to)
{
	(void)fields;
	to->refresh = strcmp(text, "hard") == 0 ? REFRESH_HARD : REFRESH_NORMAL;
}

/* strconv.ParseBool, as Argo CD reads it; any other word is as good as none. */
static void read_skip(struct fields *fields, const char *text, struct application *to)
{
	static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};
	(void)fields;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		to->skip_reconcile = to->skip_reconcile || strcmp(words[i], text) == 0;
}

static void read_approved(struct fields *fields, const char *text, struct application *to)
{
	int64_t microseconds = 0;
	(void)fields;
	if (clock_parse(text, &microseconds))
		to->deletion_approved = microseconds;
}

/* ---- compare-options ---- */

/* `told`: what is done instead; NULL = done, or a matter of the Application that has this one among its objects. */
static const struct {
	const char *word, *told;
} compare_words[] = {
	{"ServerSideDiff=true", NULL},
	{"IncludeMutationWebhook=true", NULL},
	{"IgnoreExtraneous", NULL},
	{"ServerSideDiff=false", "every comparison is made by a dry run on the server"},
	{"IncludeMutationWebhook=false", "what admission webhooks change is part of every comparison"},
};

static void take_compare_word(struct fields *fields, const char *word)
{
	const char *words[COUNT_OF(compare_words)];
	char hint[TEXT_HINT_SIZE];
	for (size_t i = 0; i < COUNT_OF(compare_words); i++) {
		words[i] = compare_words[i].word;
		if (strcmp(words[i], word) != 0)
			continue;
		if (compare_words[i].told)
			fields_warning(fields, "annotation " COMPARE_OPTIONS ": \"%s\" has no effect: %s",
				word, compare_words[i].told);
		return;
	}
	fields_error(fields, "annotation " COMPARE_OPTIONS ": \"%s\" is not supported%s", word,
		text_hint(text_nearest(word, words, COUNT_OF(words)), hint));
}

static void read_compare(struct fields *fields, const char *text, struct application *to)
{
	(void)to;
	while (*text) {
		text += strspn(text, ", \t");
		size_t length = strcspn(text, ",");
		const char *next = text + length;
		while (length && strchr(" \t", text[length - 1]))
			length--;
		if (length)
			take_compare_word(fields, arena_copy_n(fields->mem, text, length));
		text = next;
	}
}

/* ---- the rest ---- */

static void read_migration(struct fields *fields, const char *text, struct application *to)
{
	size_t length = strlen(text);
	if (length > MANAGER_BYTES)
		fields_error(fields,
			"annotation " MIGRATION_MANAGER " is longer than the %d bytes of a field manager",
			MANAGER_BYTES);
	else if (length)
		to->migrated = arena_copy(fields->mem, text);
}

static const struct {
	const char *name;
	void (*read)(struct fields *fields, const char *text, struct application *to);
} annotations_known[] = {
	{ARGO "refresh", read_refresh},
	{ARGO "skip-reconcile", read_skip},
	{ARGO "deletion-approved", read_approved},
	{COMPARE_OPTIONS, read_compare},
	{MIGRATION_MANAGER, read_migration},
};

void application_read_annotations(const json_t *annotations, struct arena *mem, struct application *application)
{
	struct fields fields = {
		.mem = mem, .errors = application->spec_errors, .error_count = application->spec_error_count};
	for (size_t i = 0; i < COUNT_OF(annotations_known); i++) {
		const json_t *value = json_object_get(annotations, annotations_known[i].name);
		if (json_is_string(value))
			annotations_known[i].read(&fields, json_string_value(value), application);
	}
	application->spec_errors = fields.errors;
	application->spec_error_count = fields.error_count;
	application->warnings = fields.warnings;
	application->warning_count = fields.warning_count;
}
