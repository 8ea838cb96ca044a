/*
 * seal_help.h - the help of the commands that seal and unseal; table.c has the others
 */
#pragma once

extern const char seal_help[];
extern const char seal_users_help[];
extern const char seal_cert_help[];
extern const char seal_keys_help[];
extern const char seal_keys_new_help[];
extern const char unseal_help[];
