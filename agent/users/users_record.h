/*
 * users_record.h - what a users pass found and did, into the store
 */
#pragma once

#include "agent/users/users_pass.h"

/* Reads what the store has of the database's users, once for the pass: what it writes is compared with that. A pass that has
   nothing to do and finds what the last one has recorded reads and writes no row of them. */
bool users_record_known(struct users_pass *pass, const struct roles_plan *plan, struct error *err) MUST_CHECK;

/* Differences of users that were as wanted before and whose wish has not changed: somebody else's doing. */
void users_record_drift(struct users_pass *pass, const struct roles_plan *plan);

/* A row for each step before the first byte goes out, and what came of each after it: one transaction each, so that a thousand
   users cost two flushes. Steps cut off by a kill keep their open row. False = nothing may go out. */
struct users_journal {
	int64_t *rows; /* parallel to plan->steps; 0 = not recorded */
};
bool users_record_intents(struct users_pass *pass, const struct roles_plan *plan,
	struct users_journal *journal, struct error *err) MUST_CHECK;
void users_record_outcomes(
	struct users_pass *pass, const struct roles_plan *plan, const struct users_journal *journal);

/* Before the steps: whoever goes is shown as Retiring, with what is done, however long that takes. */
void users_record_leaving(struct users_pass *pass, const struct roles_plan *plan);

/* Why this user is not as wanted, or what is done about it; "" = there is nothing to say. */
const char *users_record_reason(const struct users_pass *pass, const struct role_report *report);

/* The users' and the database's documents. True when every user is Synced and nothing was held back. */
bool users_record(struct users_pass *pass, const struct roles_plan *plan, int server_version);

/* The pass could not be made: the users stay as last known, the database says why; an open wish is answered. One that only plans
   says nothing about the database. */
void users_record_failure(struct users_pass *pass);

/* The answer to "user plan" or "user sync". `message` "" = made from the plan. That of a text of its own stays with the wish. */
void users_record_answer(
	struct users_pass *pass, const struct roles_plan *plan, const char *phase, const char *message);
