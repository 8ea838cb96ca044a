/*
 * users_reason.c - what is said of one user beside the status
 *
 * What differs stays so when the agent file forbids to write: that is no drift and no failure, and people should know. The same text in each
 * pass for as long as nothing changes: it is kept in the store, and how long something is from now is said by whoever shows it.
 */
#include "agent/users/users_record.h"

/* Who is as Git says, and that is worth a word. */
static const char *standing(struct arena *mem, const struct role_report *report)
{
	static const char locked[] = "locked by Git (ensure: locked): cannot log in, keeps everything else";
	const char *said = report->locked ? locked : "";
	return report->until ? arena_join(mem, said, "; ", arena_printf(mem, "ends at %s", report->until))
			     : said;
}

const char *users_record_reason(const struct users_pass *pass, const struct role_report *report)
{
	bool differs = report->status == USER_DRIFTED || (report->status == USER_RETIRING && report->progress);
	bool held_back = pass->database->config->policy.report_only && differs;
	if (held_back && !*report->reason)
		return "policy.mode is report: nothing is written, `pgitops user plan` shows the SQL";
	if (report->status == USER_SYNCED && !*report->reason)
		return standing(pass->mem, report);
	bool under_way = report->status == USER_RETIRING && !*report->reason && report->progress;
	return under_way ? report->progress : report->reason;
}
