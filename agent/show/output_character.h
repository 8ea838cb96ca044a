/*
 * output_character.h - the columns that a character takes on a terminal
 */
#pragma once

#include "base/base.h"

/* 0 for combining marks, 2 for East Asian wide characters and emoji, else 1. */
size_t character_width(uint32_t character);
