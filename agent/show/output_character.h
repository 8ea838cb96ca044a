/*
 * output_character.h - single characters of UTF-8: reading one, and the columns it takes on a terminal
 */
#pragma once

#include "base/base.h"

/* Bytes of the character at `text` (shortest form, no surrogates); 0 when the bytes there are none. Not for the final NUL. */
size_t character_read(const char *text, uint32_t *character);

/* 0 for combining marks, 2 for East Asian wide characters and emoji, else 1. */
size_t character_width(uint32_t character);
