/*
 * base.h - the compiler attributes and small macros that the whole program uses
 *
 * Nothing else may be hidden behind a macro: see CONTRIBUTING.md, "Form".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls `function(&variable)` when the variable leaves its scope. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Lets the compiler check a printf-like format: positions of the format and of its first argument. */
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

/* The result says whether the outputs were set: looking away is a mistake. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The argument list ends with NULL. */
#define NULL_TERMINATED __attribute__((sentinel))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
