/*
 * ask_internal.h - what asking and telling a member share
 */
#pragma once

#include "base/http/transfer.h"
#include "reconcile/patroni/ask.h"

/* Borrows from `access`, which may be NULL. */
struct transfer_tls patroni_tls(const struct patroni_access *access);
