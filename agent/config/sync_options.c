#include "agent/config/sync_options.h"

#include <string.h>

#include "base/text.h"

/* Where a word's value goes: a flag, a choice, or the propagation policy. */
struct option {
	const char *word;
	size_t flag;   /* offset of a bool; NONE = no flag */
	size_t choice; /* offset of an enum choice; NONE = none */
	int value;
	const char *propagation;
};

#define NONE SIZE_MAX
#define FLAG(word, member, value)                                                                            \
	{                                                                                                    \
		word, offsetof(struct sync_options, member), NONE, value, NULL                               \
	}
#define CHOICE(word, member, value)                                                                          \
	{                                                                                                    \
		word, NONE, offsetof(struct sync_options, member), value, NULL                               \
	}
#define POLICY(word, name)                                                                                   \
	{                                                                                                    \
		word, NONE, NONE, 0, name                                                                    \
	}
#define ALWAYS(word) POLICY(word, NULL)

static const struct option options_known[] = {
	FLAG("CreateNamespace=true", create_namespace, true),
	FLAG("CreateNamespace=false", create_namespace, false),
	FLAG("ForceConflicts=true", force_conflicts, true),
	FLAG("ForceConflicts=false", force_conflicts, false),
	FLAG("PruneLast=true", prune_last, true),
	FLAG("PruneLast=false", prune_last, false),
	FLAG("Replace=true", replace, true),
	FLAG("Replace=false", replace, false),
	FLAG("Force=true", force, true),
	FLAG("Force=false", force, false),
	FLAG("Validate=false", lenient, true),
	FLAG("Validate=true", lenient, false),
	FLAG("SkipDryRunOnMissingResource=true", skip_missing, true),
	FLAG("SkipDryRunOnMissingResource=false", skip_missing, false),
	FLAG("RespectIgnoreDifferences=true", respect_ignored, true),
	FLAG("RespectIgnoreDifferences=false", respect_ignored, false),
	FLAG("FailOnSharedResource=true", fail_on_shared, true),
	FLAG("FailOnSharedResource=false", fail_on_shared, false),
	FLAG("ApplyOutOfSyncOnly=true", out_of_sync_only, true),
	FLAG("ApplyOutOfSyncOnly=false", out_of_sync_only, false),
	FLAG("ClientSideApplyMigration=false", keep_managers, true),
	FLAG("ClientSideApplyMigration=true", keep_managers, false),
	CHOICE("Prune=true", prune, CHOICE_TRUE),
	CHOICE("Prune=false", prune, CHOICE_FALSE),
	CHOICE("Prune=confirm", prune, CHOICE_CONFIRM),
	CHOICE("Delete=true", delete, CHOICE_TRUE),
	CHOICE("Delete=false", delete, CHOICE_FALSE),
	CHOICE("Delete=confirm", delete, CHOICE_CONFIRM),
	POLICY("PrunePropagationPolicy=foreground", "Foreground"),
	POLICY("PrunePropagationPolicy=background", "Background"),
	POLICY("PrunePropagationPolicy=orphan", "Orphan"),
	/* What happens anyway, or has the same result: every apply is server-side, takes over what kubectl and Argo CD applied
	   client-side, and writes only what differs. */
	ALWAYS("ServerSideApply=true"),
	ALWAYS("ServerSideApply=false"),
};

bool sync_options_take(struct sync_options *options, const char *word, const char **near)
{
	const char *words[COUNT_OF(options_known)];
	for (size_t i = 0; i < COUNT_OF(options_known); i++) {
		const struct option *option = &options_known[i];
		words[i] = option->word;
		if (strcmp(option->word, word) != 0)
			continue;
		if (option->flag != NONE)
			*(bool *)((char *)options + option->flag) = option->value;
		if (option->choice != NONE)
			*((unsigned char *)options + option->choice) = (unsigned char)option->value;
		if (option->propagation)
			options->propagation = option->propagation;
		return true;
	}
	*near = text_nearest(word, words, COUNT_OF(words));
	return false;
}
