/*
 * operator_keys.h - the settings of the postgres-operator (internal to this room)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum operator_type { OPERATOR_TEXT, OPERATOR_BOOL, OPERATOR_INTEGER, OPERATOR_DURATION, OPERATOR_WORD };

struct operator_key {
	const char *name;
	enum operator_type type;
	const char *words; /* OPERATOR_WORD: those there are, with blanks between */
	bool gone;         /* 1.15 had it */
};

extern const struct operator_key operator_keys[];
extern const size_t operator_key_count;
