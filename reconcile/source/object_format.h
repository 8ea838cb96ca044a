/*
 * object_format.h - is it a repository with SHA-256 object ids? (gitprotocol-capabilities(5), "object-format")
 *
 * libgit2 1.5 reads SHA-1 alone and says something else on each transport, so a server is asked before libgit2 meets its
 * answer, and there is one sentence for it.
 */
#pragma once

#include "base/error.h"

/* The first line of what a server advertises without protocol v2: "ID NAME\0CAPABILITIES". `line` is followed by a NUL. */
bool object_format_is_sha256(const char *line, size_t length);

/* A repository on this machine: its `config` names another format than SHA-1. */
bool object_format_of_folder_is_sha256(const char *path);

/* Returns false. */
bool object_format_refused(struct error *err);
