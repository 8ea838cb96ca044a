/*
 * http_error.h - what a Git server's refusal or a broken transfer means, and what to do about it
 */
#pragma once

#include "base/error.h"
#include "base/http/transfer.h"
#include "reconcile/source/source.h"

/* A refusal. */
struct http_refusal {
	long status;
	const struct source_access *access; /* what was shown; `origin` and `hint` name it */
	const char *user;                   /* as whom; NULL = as nobody in particular */
	int64_t rest;                       /* seconds that the server wants, 0 = it does not say */
	bool limited; /* too many questions, whatever the status: GitHub says so with 403 */
};

/* Reads it from the answer that `transfer` has. */
struct http_refusal http_refusal_of(
	const struct transfer *transfer, const struct source_access *access, const char *user);

/* All return false. */
bool http_status_error(struct error *err, const struct http_refusal *refusal);
bool http_type_error(struct error *err, const char *type);
bool http_transfer_error(struct error *err, enum transfer_end end, const char *detail, long proxy_status);
