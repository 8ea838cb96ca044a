/*
 * protect.h - how little of a process gets out of it: no core file, no debugger, no swap
 */
#pragma once

/* At the start of the program. */
void protect_process(void);

/* Of a command that holds plain passwords: memory is locked, and what is freed is overwritten. */
void protect_memory(void);
