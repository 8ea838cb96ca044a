/*
 * syscall_filter.h - a seccomp filter that refuses what a process that reads a repository never asks for
 *
 * A list of what is refused, not of what is allowed: libraries and the C library change what they use, and Landlock
 * guards the files already. Refused calls fail with EPERM, so a library that only tries goes on.
 */
#pragma once

#include "base/error.h"

bool syscall_filter_enter(struct error *err) MUST_CHECK;
