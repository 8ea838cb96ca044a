/*
 * syscall_filter.h - a seccomp filter that refuses what a process that reads a repository never asks for
 *
 * A list of what is allowed (libseccomp). Anything else fails with EPERM, so a library that only tries goes on.
 */
#pragma once

#include "base/error.h"

bool syscall_filter_enter(struct error *err) MUST_CHECK;
