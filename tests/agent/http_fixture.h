/*
 * http_fixture.h - for the tests of the HTTP server: an agent that remembers what it was asked, a store with one of
 * everything, a server without a token and one with it, and a client that sends exactly the bytes it is given
 */
#pragma once

#include "agent/http/webhook_secrets.h"
#include "agent/http/internal.h"

struct asked {
	size_t requests, announcements, urls;
	char kind[32], target[256], by[8], url[256], body[1024]; /* as canonical JSON */
	int64_t operation;                                       /* what the agent answers, 0 = 17 */
	enum error_kind fails;                                   /* what the agent answers instead */
};
extern struct asked asked;
extern const struct http_agent test_agent;

extern char folder[64], socket_path[96], token_path[96];
extern struct store *store;
extern struct webhook_secrets webhook_secrets;
extern struct http *open_server,
	*token_server; /* loopback, without and with a token; the first has the socket */

int set_up(void **state); /* of the group */
int tear_down(void **state);
struct http *start_server(const char *listen, const char *path, const char *token);
struct http *start_server_with(
	const char *listen, const char *path, const char *token, const struct http_clusters *clusters);

int connect_tcp(const struct http *http);
int connect_socket(void);
bool put(int fd, const char *bytes, size_t length); /* false: the server has closed */

extern char answer[1 << 20]; /* of the last exchange */
extern char sent[1 << 16];
const char *read_answer(int fd); /* until the server closes */
const char *talk(int fd, const char *bytes, size_t length);
int status_in(const char *text); /* 0 = none */
const char *body_in(const char *text);

extern const char as_json[]; /* the header of an action */
/* `line` is "GET /path"; `headers` are whole lines. */
const char *ask(int fd, const char *line, const char *headers, const char *body);
int get(const struct http *http, const char *path);
int post(int fd, const char *path, const char *headers, const char *body);

json_t *read_json(void);         /* the answer's body */
void assert_problem(int status); /* the answer is a problem document that says so */

int open_events(void);                   /* asks open_server */
bool wait_for(int fd, const char *text); /* until it came; false: the server has closed */
