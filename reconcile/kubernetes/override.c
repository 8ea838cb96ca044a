/* kubectl's options over a kubeconfig: what kubeseal takes as every client of the API server does. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/account.h"
#include "reconcile/kubernetes/config.h"

static void replace(char **text, const char *given)
{
	if (!given)
		return;
	memory_freep(text);
	*text = memory_copy(given);
}

static bool set_server(struct kube_config *config, const char *server, struct error *err)
{
	if (!server)
		return true;
	if (!text_starts(server, "https://") || !server[strlen("https://")])
		return error_set(
			err, ERROR_INVALID, "--server must be https://host:port, it is \"%s\"", server);
	size_t length = strlen(server);
	while (server[length - 1] == '/')
		length--;
	memory_freep(&config->server);
	config->server = memory_printf("%.*s", (int)length, server);
	return true;
}

static bool set_trust(struct kube_config *config, const struct kube_override *override, struct error *err)
{
	CLEANUP(buf_done) struct buf pem = BUF(LIMIT_CONFIG_BYTES);
	if (override->insecure && override->ca_file)
		return error_set(err, ERROR_INVALID,
			"--certificate-authority and --insecure-skip-tls-verify exclude each other");
	if (override->insecure || override->ca_file) {
		memory_freep(&config->ca);
		memory_freep(&config->ca_file);
		config->insecure = override->insecure;
	}
	if (!override->ca_file)
		return true;
	if (!file_read(override->ca_file, &pem, err))
		return error_prefix(err, "--certificate-authority");
	config->ca = memory_copy(buf_string(&pem));
	config->ca_file = memory_copy(override->ca_file);
	return true;
}

static bool set_credentials(struct kube_config *config, const struct kube_override *override, struct error *err)
{
	CLEANUP(buf_done) struct buf pem = BUF(LIMIT_CONFIG_BYTES);
	if (!override->client_cert_file != !override->client_key_file)
		return error_set(err, ERROR_INVALID,
			"--client-certificate and --client-key are given both or not at all");
	if (override->client_cert_file) {
		if (!file_read(override->client_cert_file, &pem, err))
			return error_prefix(err, "--client-certificate");
		secret_done(&config->client_key);
		if (!secret_read(&config->client_key, override->client_key_file, false, err))
			return error_prefix(err, "--client-key");
		replace(&config->client_cert, buf_string(&pem));
	}
	if (override->token) {
		memory_freep(&config->token_file);
		secret_done(&config->token);
		secret_set(&config->token, override->token, strlen(override->token));
		kube_account_done(&config->account);
		kube_account_read(&config->token, &config->account);
	}
	return true;
}

/* A line end in a name would be a header of its own. */
static bool add_header(char **headers, size_t *count, const char *option, const char *header,
	const char *value, struct error *err)
{
	if (!value)
		return true;
	if (!*value || strpbrk(value, "\r\n"))
		return error_set(err, ERROR_INVALID, "%s takes a name of one line", option);
	headers[(*count)++] = memory_printf("%s: %s", header, value);
	return true;
}

static bool set_impersonation(
	struct kube_config *config, const struct kube_override *override, struct error *err)
{
	size_t count = 0;
	if (!override->as && (override->as_uid || override->as_group_count))
		return error_set(err, ERROR_INVALID, "--as-group and --as-uid need --as");
	if (!override->as)
		return true;
	char **headers = memory_alloc((override->as_group_count + 3) * sizeof(*headers));
	config->impersonate = headers;
	bool ok = add_header(headers, &count, "--as", "Impersonate-User", override->as, err) &&
		add_header(headers, &count, "--as-uid", "Impersonate-Uid", override->as_uid, err);
	for (size_t i = 0; ok && i < override->as_group_count; i++)
		ok = add_header(
			headers, &count, "--as-group", "Impersonate-Group", override->as_groups[i], err);
	return ok;
}

bool kube_config_override(struct kube_config *config, const struct kube_override *override, struct error *err)
{
	replace(&config->namespace, override->namespace);
	replace(&config->tls_server_name, override->tls_server_name);
	replace(&config->proxy, override->proxy);
	return set_server(config, override->server, err) && set_trust(config, override, err) &&
		set_credentials(config, override, err) && set_impersonation(config, override, err);
}
