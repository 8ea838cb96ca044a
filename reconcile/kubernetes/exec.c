#include "reconcile/kubernetes/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* A plugin may open a browser and wait for a person. */
enum { PLUGIN_MILLISECONDS = 60 * 1000 };

static _Noreturn void become_plugin(const struct exec_plugin *plugin, const char *info, int output)
{
	int nothing = plugin->interactive ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	for (char **pair = plugin->environment; pair && *pair; pair++)
		putenv(*pair);
	setenv("KUBERNETES_EXEC_INFO", info, 1);
	execvp(plugin->arguments[0], plugin->arguments);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Reads until the plugin closes its output; false when the deadline or the maximum came first. */
static bool read_output(int fd, struct buf *output)
{
	int64_t end = clock_steady() + PLUGIN_MILLISECONDS;
	for (;;) {
		int64_t left = end - clock_steady();
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (left <= 0 || buf_failed(output))
			return false;
		if (poll(&ready, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (!ready.revents)
			continue;
		char bytes[4096];
		ssize_t count = read(fd, bytes, sizeof(bytes));
		if (count == 0)
			return true;
		if (count > 0)
			buf_append(output, bytes, (size_t)count);
		else if (errno != EINTR)
			return false;
		explicit_bzero(bytes, sizeof(bytes));
	}
}

static bool take_credential(const struct exec_plugin *plugin, const struct buf *output,
	struct kube_config *config, struct error *err)
{
	CLEANUP(json_done) json_t *credential = NULL;
	if (!json_read(buf_string(output), output->length, &credential, err))
		return error_prefix(
			err, "exec plugin %s: its answer is no ExecCredential", plugin->arguments[0]);
	const char *token = json_text_at(credential, "status.token", "");
	const char *cert = json_text_at(credential, "status.clientCertificateData", "");
	const char *key = json_text_at(credential, "status.clientKeyData", "");
	if (!text_equal(json_text_at(credential, "apiVersion", ""), plugin->api_version))
		return error_set(err, ERROR_INVALID,
			"exec plugin %s: it answered with apiVersion \"%s\", the kubeconfig asks for %s",
			plugin->arguments[0], json_text_at(credential, "apiVersion", ""), plugin->api_version);
	if (!*token && (!*cert || !*key))
		return error_set(err, ERROR_DENIED,
			"exec plugin %s: its answer holds neither a token nor a client certificate",
			plugin->arguments[0]);
	if (*token)
		secret_set(&config->token, token, strlen(token));
	if (*cert && *key) {
		config->client_cert = memory_copy(cert);
		secret_set(&config->client_key, key, strlen(key));
	}
	return true;
}

/* What the plugin gets to know: whether it may ask, and nothing of the cluster (provideClusterInfo is not needed
   by the plugins of the three large clouds). */
static char *exec_info(const struct exec_plugin *plugin)
{
	return memory_printf("{\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":%s}}",
		plugin->api_version, plugin->interactive ? "true" : "false");
}

bool exec_plugin_run(const struct exec_plugin *plugin, struct kube_config *config, struct error *err)
{
	const char *name = plugin->arguments[0];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, ERROR_RETRY, "exec plugin %s: %s", name, strerror(errno));
	CLEANUP(memory_freep) char *info = exec_info(plugin);
	pid_t child = fork();
	if (child == 0)
		become_plugin(plugin, info, ends[1]);
	close(ends[1]);
	CLEANUP(buf_wipe) struct buf output = BUF(LIMIT_SECRET_FILE);
	bool whole = child > 0 && read_output(ends[0], &output);
	close(ends[0]);
	if (child < 0)
		return error_set(err, ERROR_RETRY, "exec plugin %s: cannot start it", name);
	if (!whole)
		kill(child, SIGKILL);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!whole)
		return error_set(err, ERROR_DENIED, "exec plugin %s: no answer of at most %d bytes within %d s",
			name, LIMIT_SECRET_FILE, PLUGIN_MILLISECONDS / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, ERROR_DENIED, "exec plugin %s: not found%s%s", name,
			plugin->hint ? "; " : "", plugin->hint ? plugin->hint : "");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return error_set(err, ERROR_DENIED, "exec plugin %s: it failed, see its output above", name);
	return take_credential(plugin, &output, config, err);
}
