/*
 * fixture.h - JSON as tests write it, with ' for "
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"

static inline json_t *from_text(const char *text)
{
	struct error err;
	json_t *value = NULL;
	char *quoted = memory_copy(text);
	for (char *at = quoted; *at; at++)
		if (*at == '\'')
			*at = '"';
	if (!json_read(quoted, strlen(quoted), &value, &err))
		fail_msg("%s: %s", err.text, text);
	free(quoted);
	return value;
}

static inline void assert_json(const json_t *value, const char *text)
{
	char *found = json_canonical(value);
	for (char *at = found; *at; at++)
		if (*at == '"')
			*at = '\'';
	assert_string_equal(found, text);
	free(found);
}
