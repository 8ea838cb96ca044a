/*
 * application_annotations.h - what the annotations of an Application ask for (internal to application.c; argocd.md 1.3)
 */
#pragma once

#include "agent/config/application.h"

/* After the spec was read: a word that is not known is one more of its errors. `annotations` NULL = none. */
void application_read_annotations(
	const json_t *annotations, struct arena *mem, struct application *application);
