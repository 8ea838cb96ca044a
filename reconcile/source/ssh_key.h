/*
 * ssh_key.h - looks at a private key before it is used, to say clearly what cannot work
 */
#pragma once

#include "base/secret.h"

/* ERROR_DENIED for what is no private key, needs a passphrase, or is RSA (libssh2 1.10 signs with SHA-1 only, which
   servers no longer take). */
bool ssh_key_check(const struct secret *key, struct error *err) MUST_CHECK;
