/*
 * application_spec.h - spec of an Application to fields, or InvalidSpecErrors (internal to application.c)
 */
#pragma once

#include "agent/config/application.h"

/* Fills in everything that comes from spec; what is wrong is appended to spec_errors. */
void application_read_spec(const json_t *spec, struct arena *mem, struct application *application);

/* One of syncPolicy.syncOptions, "PruneLast=true". False: there is none of this text; application_options names those there are. */
bool application_option(const char *option, struct application *application) MUST_CHECK;
extern const char application_options[];
