/*
 * http_error.h - what a Git server's refusal or a broken transfer means, and what to do about it
 */
#pragma once

#include "base/error.h"
#include "base/http/transfer.h"

/* All return false. */
bool http_status_error(struct error *err, long status, bool credentials, long retry_after);
bool http_type_error(struct error *err, const char *type);
bool http_transfer_error(struct error *err, enum transfer_end end, const char *detail, long proxy_status);
