#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/http/dialing.h"

static const struct transfer_place places[] = {
	{"git.example.org", 443}, {"10.0.0.7", 3128}, {"::1", 8080}, {"api.example.org", 443}};

static size_t place_at(const char *text, int port)
{
	struct curl_sockaddr address = {.family = AF_INET};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
	memcpy(&address.addr, &v4, sizeof(v4));
	return dialing_place(places, COUNT_OF(places), &address);
}

static void names_have_addresses_of_no_network_and_addresses_their_own(void **state)
{
	(void)state;
	struct curl_slist *names = dialing_names(places, COUNT_OF(places));
	assert_string_equal(names->data, "git.example.org:443:192.0.2.1");
	assert_string_equal(names->next->data, "api.example.org:443:192.0.2.4");
	assert_null(names->next->next);
	curl_slist_free_all(names);
}

static void an_address_leads_to_its_place_and_any_other_to_none(void **state)
{
	(void)state;
	assert_int_equal(place_at("192.0.2.1", 443), 0);
	assert_int_equal(place_at("10.0.0.7", 3128), 1);
	assert_int_equal(place_at("192.0.2.4", 443), 3);
	assert_int_equal(place_at("192.0.2.1", 80), COUNT_OF(places));
	assert_int_equal(place_at("192.0.2.2", 3128), COUNT_OF(places));
	assert_int_equal(place_at("10.0.0.8", 3128), COUNT_OF(places));
	assert_int_equal(place_at("127.0.0.1", 443), COUNT_OF(places));
	struct {
		struct curl_sockaddr address;
		char room[sizeof(struct sockaddr_in6)];
	} wide = {.address = {.family = AF_INET6}};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(8080), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	memcpy((char *)&wide + offsetof(struct curl_sockaddr, addr), &v6, sizeof(v6));
	assert_int_equal(dialing_place(places, COUNT_OF(places), &wide.address), 2);
	v6.sin6_port = htons(8081);
	memcpy((char *)&wide + offsetof(struct curl_sockaddr, addr), &v6, sizeof(v6));
	assert_int_equal(dialing_place(places, COUNT_OF(places), &wide.address), COUNT_OF(places));
}

static void a_proxy_of_socks_resolves_names_itself(void **state)
{
	static const struct {
		const char *asked, *told;
	} samples[] = {{"socks5://h:1", "socks5h://h:1"}, {"SOCKS4://u@h", "socks4a://u@h"},
		{"socks://h", "socks4a://h"}, {"socks5h://h", NULL}, {"http://socks5://h", NULL},
		{"h:3128", NULL}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		char *told = dialing_proxy(samples[i].asked);
		if (samples[i].told)
			assert_string_equal(told, samples[i].told);
		else
			assert_null(told);
		free(told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_addresses_of_no_network_and_addresses_their_own),
		cmocka_unit_test(an_address_leads_to_its_place_and_any_other_to_none),
		cmocka_unit_test(a_proxy_of_socks_resolves_names_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
