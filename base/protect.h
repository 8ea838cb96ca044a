/*
 * protect.h - how little of a process gets out of it: no core file, no debugger, no swap
 */
#pragma once

#include <sys/types.h>

/* At the start of the program. The umask that its caller has: files of our own are for nobody else, those of a program that a person starts through us are theirs. */
mode_t protect_process(void);

/* Of a command that holds plain passwords: memory is locked, and what is freed is overwritten. */
void protect_memory(void);
