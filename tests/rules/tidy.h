/*
 * tidy.h - what the analyzer cannot see from one file: error_set() and error_prefix() return false (base/error.h), so a
 * function that returns their result has failed
 */
#include "base/error.h"

#define error_set(...) ((void)error_set(__VA_ARGS__), false)
#define error_prefix(...) ((void)error_prefix(__VA_ARGS__), false)
