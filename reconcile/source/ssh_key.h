/*
 * ssh_key.h - looks at a private key before it is used, to say clearly what cannot work
 */
#pragma once

#include "base/secret.h"

/* ERROR_DENIED for what is no private key or needs a passphrase. */
bool ssh_key_check(const struct secret *key, struct error *err) MUST_CHECK;
