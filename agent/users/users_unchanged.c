#include "agent/users/users_unchanged.h"

#include <string.h>

#include "agent/users/users_record.h"

const char *users_unchanged_version(struct users_pass *pass, const struct role_report *report)
{
	if (report->secret_version)
		return report->secret_version;
	const struct user_password usual = {
		.secret = users_secret_name(report->name, pass->mem), .key = "password"};
	return passwords_version(&pass->passwords, &usual);
}

/* Of all that the users' documents say, but for the time of the last change, which comes with a step. What they say of the list is the
   list's. */
static void digest_reports(
	struct users_pass *pass, const struct roles_plan *plan, unsigned char out[DIGEST_SIZE])
{
	struct users_digest digest = {.length = 0};
	users_digest_add(&digest, pass->list);
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		users_digest_add(&digest, report->name);
		users_digest_add(&digest, user_status_name(report->status));
		users_digest_add(&digest, users_record_reason(pass, report));
		users_digest_add(&digest, users_unchanged_version(pass, report));
		users_digest_add(&digest, report->held ? "held" : "");
		users_digest_add(&digest, report->until ? report->until : "");
		users_digest_add(&digest, report->locked ? "locked" : "");
		for (size_t j = 0; j < report->role_count; j++)
			users_digest_add(&digest, report->roles[j]);
		users_digest_add(&digest, "");
		for (size_t j = 0; report->status != USER_SYNCED && j < report->difference_count; j++) {
			users_digest_add(&digest, report->differences[j].field);
			users_digest_add(&digest, report->differences[j].wanted);
			users_digest_add(&digest, report->differences[j].found);
		}
		users_digest_add(&digest, "");
	}
	users_digest_end(&digest, out);
}

void users_unchanged_look(struct users_pass *pass, const struct roles_plan *plan)
{
	const struct users_memory *memory = &pass->database->memory;
	digest_reports(pass, plan, pass->digest);
	pass->unchanged = !plan->step_count && memory->is_recorded &&
		memcmp(memory->recorded, pass->digest, DIGEST_SIZE) == 0;
}

void users_unchanged_remember(struct users_pass *pass, const struct roles_plan *plan, bool recorded)
{
	struct users_memory *memory = &pass->database->memory;
	memory->is_recorded = recorded;
	if (!recorded)
		return;
	if (plan->step_count)
		digest_reports(pass, plan, pass->digest);
	memcpy(memory->recorded, pass->digest, DIGEST_SIZE);
	users_memory_keep(memory, pass->passwords.right, pass->passwords.right_count);
}
