/*
 * scope.h - which of the kinds that every API server has belong to no namespace (internal to this room)
 */
#pragma once

#include "base/base.h"

bool scope_is_cluster(const char *group, const char *kind);
