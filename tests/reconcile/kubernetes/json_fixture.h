/*
 * json_fixture.h - JSON of the tests here, as the API server has it
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"

static inline json_t *read_json(const char *text)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(text, strlen(text), &value, &err))
		fail_msg("%s: %s", err.text, text);
	return value;
}
