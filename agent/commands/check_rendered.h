/*
 * check_rendered.h - a folder of a checkout for kustomize or helm, as the agent would render it (internal to check.c)
 */
#pragma once

#include "reconcile/desired.h"

/* `rendered` false = it is none, or its program is not on the PATH: it is still to be read as a plain folder. What the program refuses is a
   mistake. It is shown the checkout around `path`, up to where `.git` is; Helm's release is named like the folder. */
bool check_rendered(const char *path, const char *namespace, struct arena *mem, struct desired *desired,
	bool *rendered, struct error *err) MUST_CHECK;

/* Of an absolute path without links: the checkout around it (up to where `.git` is), and where in it the path is ("" = its root). False = it is
   in none. */
bool check_place(const char *real, struct arena *mem, const char **root, const char **inside) MUST_CHECK;
