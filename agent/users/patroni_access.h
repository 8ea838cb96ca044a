/*
 * patroni_access.h - the files of a `databases` entry by which the REST APIs of its Patroni are asked
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/patroni/ask.h"

/* Reading needs no password: it is read where something is to be changed (`acting`). The caller has it wiped, also after false. */
bool patroni_access_open(const struct database_config *config, bool acting, struct arena *mem,
	struct patroni_access *access, struct error *err) MUST_CHECK;
void patroni_access_done(struct patroni_access *access);
