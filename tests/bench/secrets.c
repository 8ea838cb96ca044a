/*
 * secrets.c FOLDER COUNT - seconds to list the folder's Secrets, and to ask for the password of each of u0000 ...
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/users/secrets.h"
#include "base/clock.h"

int main(int argc, char **argv)
{
	struct secrets *secrets = argc == 3 ? secrets_new(argv[1]) : NULL;
	int count = argc == 3 ? atoi(argv[2]) : 0, missing = 0;
	int64_t start = clock_steady();

	if (!secrets)
		return 2;
	secrets_refresh(secrets);
	int64_t listed = clock_steady();
	for (int i = 0; i < count; i++) {
		char name[64];
		struct secret value = {0};
		struct error err;
		snprintf(name, sizeof(name), "user-u%04d-secret", i);
		missing += !secrets_value(secrets, NULL, "postgres", name, "password", &value, &err);
		secret_done(&value);
	}
	printf("%.3f %.3f\n", (double)(listed - start) / 1000, (double)(clock_steady() - listed) / 1000);
	secrets_free(secrets);
	return missing != 0;
}
