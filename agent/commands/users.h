/*
 * users.h - what commands about users say of one in the same words (user_list.c, user_get.c)
 */
#pragma once

#include "agent/commands/common.h"

/* "readers, analyst"; "(a group)", "(a database)" of what has none. */
const char *command_user_roles(const struct command_context *context, const json_t *user);

/* Its reason; of one whose access ends, in how long that is. */
const char *command_user_reason(const struct command_context *context, const json_t *user);
