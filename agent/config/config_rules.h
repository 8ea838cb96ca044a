/*
 * config_rules.h - `rules` of the agent file (internal to config.c)
 */
#pragma once

#include "agent/config/config.h"
#include "agent/config/settings.h"

/* For SETTING_OWN; `base` is the struct config. */
void config_read_rules(struct settings *settings, const struct yaml_pair *pair, void *base);
