/*
 * config_database.h - `databases` and `repositories` of the agent file (internal to config.c)
 */
#pragma once

#include "agent/config/config.h"
#include "agent/config/settings.h"

/* For SETTING_OWN; `base` is the struct config. */
void config_read_databases(struct settings *settings, const struct yaml_pair *pair, void *base);
void config_read_repositories(struct settings *settings, const struct yaml_pair *pair, void *base);
