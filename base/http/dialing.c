#include "base/http/dialing.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { PROXY_PORT = 1080, PROXY_TLS_PORT = 443 };

static bool is_address(const char *host)
{
	struct in6_addr address;
	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

struct curl_slist *dialing_names(const struct transfer_place *places, size_t count)
{
	struct curl_slist *names = NULL;
	for (size_t i = 0; i < count && i < DIALING_PLACES; i++) {
		if (is_address(places[i].host))
			continue;
		CLEANUP(memory_freep)
		char *line = memory_printf("%s:%d:192.0.2.%zu", places[i].host, places[i].port, i + 1);
		struct curl_slist *longer = curl_slist_append(names, line);
		if (!longer)
			memory_fail("an address", strlen(line));
		names = longer;
	}
	return names;
}

static bool is_of(const struct transfer_place *place, size_t number, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in v4 = {0};
	struct sockaddr_in6 v6 = {0}, own = {0};
	if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		return ntohs(v6.sin6_port) == place->port &&
			inet_pton(AF_INET6, place->host, &own.sin6_addr) == 1 &&
			memcmp(&own.sin6_addr, &v6.sin6_addr, sizeof(own.sin6_addr)) == 0;
	}
	if (address->sa_family != AF_INET)
		return false;
	memcpy(&v4, address, sizeof(v4));
	if (ntohs(v4.sin_port) != place->port || !inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text)))
		return false;
	if (is_address(place->host))
		return strcmp(text, place->host) == 0;
	return ntohl(v4.sin_addr.s_addr) == 0xc0000200 + number + 1;
}

size_t dialing_place(const struct transfer_place *places, size_t count, const struct curl_sockaddr *address)
{
	size_t at = 0;
	while (at < count && !is_of(&places[at], at, &address->addr))
		at++;
	return at;
}

char *dialing_proxy(const char *proxy)
{
	static const struct {
		const char *prefix, *instead;
	} schemes[] = {{"socks4://", "socks4a://"}, {"socks5://", "socks5h://"}, {"socks://", "socks4a://"}};
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (strncasecmp(proxy, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return memory_printf("%s%s", schemes[i].instead, proxy + strlen(schemes[i].prefix));
	return NULL;
}

/* [SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/...] */
bool transfer_proxy_place(const char *proxy, struct arena *mem, struct transfer_place *place)
{
	const char *scheme = strstr(proxy, "://"), *text = scheme ? scheme + 3 : proxy;
	char *host = arena_copy_n(mem, text, strcspn(text, "/")), *at = strrchr(host, '@');
	bool tls = scheme && scheme - proxy == 5 && strncasecmp(proxy, "https", 5) == 0;
	host = at ? at + 1 : host;
	bool bracket = *host == '[';
	char *end = bracket ? strchr(host, ']') : host + strcspn(host, ":");
	if (!end || end == host || (bracket && end[1] && end[1] != ':'))
		return false;
	const char *port = bracket ? (end[1] ? end + 2 : "") : *end ? end + 1 : "";
	char *rest = NULL;
	long number = *port ? strtol(port, &rest, 10) : tls ? PROXY_TLS_PORT : PROXY_PORT;
	if ((rest && *rest) || number < 1 || number > 65535)
		return false;
	*end = '\0';
	*place = (struct transfer_place){bracket ? host + 1 : host, (int)number};
	return true;
}
