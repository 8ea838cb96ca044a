/* postgresql_version.c - another major version, and what its operator makes of it (zalando-operator.md 2.1) */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/postgresql_internal.h"

struct versions {
	const char *wanted, *live;
	long next, now; /* 0 = none */
};

static struct versions versions_of(const json_t *wanted, const json_t *live)
{
	struct versions versions = {.wanted = json_text_at(wanted, "spec.postgresql.version", ""),
		.live = json_text_at(live, "spec.postgresql.version", "")};
	versions.next = strtol(versions.wanted, NULL, 10);
	versions.now = strtol(versions.live, NULL, 10);
	return versions;
}

/* The operator's own mark: it tries no upgrade until the version is what it was. */
static const char *failed_upgrade(const json_t *live)
{
	const json_t *annotations = json_at(live, "metadata.annotations");
	return json_string_value(json_object_get(annotations, "last-major-upgrade-failure"));
}

static const char *because_it_failed(struct refusals *refusals, const struct versions *versions)
{
	const char *failed = failed_upgrade(refusals->live);
	if (!failed)
		return NULL;
	return arena_printf(refusals->mem,
		", and the last upgrade failed (%.60s): the operator tries none until the version is set back to the one the data have, which "
		"is below %.20s",
		failed, versions->live);
}

static bool has_team(const struct refusals *refusals)
{
	const char *team = json_text_at(refusals->wanted, "spec.teamId", "");
	return *team && strstr(refusals->settings->teams, arena_printf(refusals->mem, ",%s,", team));
}

static const char *as_is_not_known(struct refusals *refusals, const struct versions *versions)
{
	const struct operator_settings *settings = refusals->settings;
	const char *why =
		settings ? arena_printf(refusals->mem, " (which it is, is not known: %s)", settings->why) : "";
	if (settings && settings->upgrade_mode)
		return NULL;
	return arena_printf(refusals->mem,
		": the operator runs pg_upgrade at once, or in the next of spec.maintenanceWindows, and there is no way back; where its "
		"major_version_upgrade_mode is off all pods roll and the data stay on %.20s%s; have a backup first",
		versions->live, why);
}

/* Who sees the pods roll and the operator say Running takes it for done. */
static const char *passed_over(struct refusals *refusals, const struct versions *versions)
{
	if (!text_equal(refusals->settings->upgrade_mode, "off") || has_team(refusals))
		return NULL;
	return arena_printf(refusals->mem,
		", and the operator will not upgrade: its major_version_upgrade_mode is off (%s); all pods roll, the data stay on %.20s, and it "
		"says Running; set it to manual and start the operator anew, or take the change back",
		refusals->settings->where, versions->live);
}

static const char *set_to(struct refusals *refusals, const struct versions *versions)
{
	const struct operator_settings *settings = refusals->settings;
	bool further = text_equal(settings->upgrade_mode, "full") &&
		versions->next < strtol(settings->minimal, NULL, 10);
	if (further)
		return arena_printf(refusals->mem,
			"full and its minimal_major_version %s, so that it goes to %s", settings->minimal,
			settings->target);
	if (text_equal(settings->upgrade_mode, "off"))
		return "off but for some teams, this one among them";
	return settings->upgrade_mode;
}

static const char *done(struct refusals *refusals, const struct versions *versions)
{
	return arena_printf(refusals->mem,
		": the operator runs pg_upgrade at once, or in the next of spec.maintenanceWindows (its major_version_upgrade_mode is %s: %s), and "
		"there is no way back; have a backup first",
		set_to(refusals, versions), refusals->settings->where);
}

/* The first that is so. */
static const char *(*const answers[])(struct refusals *refusals, const struct versions *versions) = {
	because_it_failed, as_is_not_known, passed_over, done};

static void refuse_higher(struct refusals *refusals, const struct versions *versions)
{
	const char *answer = NULL;
	for (size_t i = 0; i < COUNT_OF(answers) && !answer; i++)
		answer = answers[i](refusals, versions);
	refuse_unless(refusals, "upgrade-version",
		arena_printf(refusals->mem, "spec.postgresql.version goes up from %.20s to %.20s%s",
			versions->live, versions->wanted, answer));
}

static void refuse_lower(struct refusals *refusals, const struct versions *versions)
{
	if (!failed_upgrade(refusals->live)) /* then it is the way out: the data never went up */
		refuse_unless(refusals, "lower-version",
			arena_printf(refusals->mem,
				"spec.postgresql.version goes down from %.20s to %.20s: all pods roll while the data stay on %.20s",
				versions->live, versions->wanted, versions->live));
}

void refuse_version(struct refusals *refusals)
{
	const struct versions versions = versions_of(refusals->wanted, refusals->live);
	if (versions.next && versions.next < versions.now)
		refuse_lower(refusals, &versions);
	else if (versions.now && versions.next > versions.now)
		refuse_higher(refusals, &versions);
}

bool postgresql_asks_settings(const json_t *wanted, const json_t *live)
{
	const struct refusals refusals = {.wanted = wanted, .live = live};
	const struct versions versions = versions_of(wanted, live);
	return live && versions.now && versions.next > versions.now && !failed_upgrade(live) &&
		!refusals_allow(&refusals, "upgrade-version");
}
