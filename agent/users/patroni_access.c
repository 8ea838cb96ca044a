#include "agent/users/patroni_access.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"

static bool read_pem(const char *file, struct arena *mem, const char **pem, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	if (!file)
		return true;
	if (!file_read(file, &text, err))
		return false;
	*pem = arena_copy(mem, buf_string(&text));
	return true;
}

static bool read_secret(const char *file, bool trim, struct secret *secret, struct error *err)
{
	return !file || secret_read_private(secret, file, trim, err);
}

bool patroni_access_open(const struct database_config *config, bool acting, struct arena *mem,
	struct patroni_access *access, struct error *err)
{
	*access = (struct patroni_access){.user = config->patroni_user};
	return read_pem(config->patroni_ca_file, mem, &access->ca, err) &&
		read_pem(config->patroni_client_cert_file, mem, &access->client_cert, err) &&
		read_secret(config->patroni_client_key_file, false, &access->client_key, err) &&
		(!acting || read_secret(config->patroni_password_file, true, &access->password, err));
}

void patroni_access_done(struct patroni_access *access)
{
	secret_done(&access->client_key);
	secret_done(&access->password);
}
