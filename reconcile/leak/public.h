/*
 * public.h - which values may stand in Git: placeholders, encrypted values, and what is no secret at all
 *
 * A value is a placeholder when something fills it in later, by its form: ${X}, $(X), {{ x }}, <path:x>, vault:x, ref+x://, REPLACE_ME,
 * xxxx. Encrypted is what SOPS (ENC[...]), ansible-vault, age, PGP or kubeseal wrote. Certificates and public keys are public.
 */
#pragma once

#include "base/base.h"

/* `example`: in prose and source, where "your-password" and "changeme" are said to a reader; in a manifest they would be the password. */
bool public_value(const char *value, size_t length, bool example);

/* Of a Secret's entry: the value itself, or what its base64 says. */
bool public_data(const char *value, size_t length, bool example);

/* What kubeseal makes of a value (pkg/crypto: two bytes that say how long the RSA block is, the block, the text with its tag). Documents
   cut it short with dots. */
bool public_is_sealed(const char *value, size_t length);

/* Of a value in a SealedSecret's template: the controller fills in {{ .key }}; a whole configuration file around it is no secret. */
bool public_template(const char *key, const char *value, size_t length, bool example);

/* "username", "host", "port", ...: beside a password that is a placeholder they say nothing. */
bool public_is_identity(const char *key);

/* "password", "oldPassword", "passwd", "PGPASSWORD", "pwd", "passphrase"; not "passwordSecretName" and other names of where it is. */
bool public_names_password(const char *key, size_t length);
