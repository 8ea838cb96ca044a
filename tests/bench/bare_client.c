/*
 * bare_client.c - the least a client can do: N server-side applies of ConfigMaps, eight in flight, nothing else
 *
 * usage: bare_client SERVER CA_FILE TOKEN_FILE NAMESPACE COUNT    prints the seconds it took
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT = 8 };

struct slot {
	CURL *easy;
	char url[512];
	char body[512];
};

static size_t swallow(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask(CURLM *multi, struct slot *slot, char **argv, int number)
{
	snprintf(slot->url, sizeof(slot->url),
		"%s/api/v1/namespaces/%s/configmaps/c%04d?fieldManager=bare&force=true", argv[1], argv[4],
		number);
	snprintf(slot->body, sizeof(slot->body),
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c%04d\",\"annotations\":{\"a\":\"b\"}},"
		"\"data\":{\"key\":\"value %d\"}}",
		number, number);
	curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body);
	curl_multi_add_handle(multi, slot->easy);
}

static void prepare(struct slot *slot, char **argv, struct curl_slist *headers)
{
	slot->easy = curl_easy_init();
	curl_easy_setopt(slot->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(slot->easy, CURLOPT_CAINFO, argv[2]);
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
}

static int run(char **argv, int count, struct curl_slist *headers)
{
	CURLM *multi = curl_multi_init();
	struct slot slots[IN_FLIGHT];
	int next = 0, done = 0, failed = 0, left;
	double start = now();

	for (int i = 0; i < IN_FLIGHT && next < count; i++) {
		prepare(&slots[i], argv, headers);
		ask(multi, &slots[i], argv, next++);
	}
	while (done < count) {
		CURLMsg *message;
		curl_multi_perform(multi, &left);
		while ((message = curl_multi_info_read(multi, &left))) {
			struct slot *slot;
			long status = 0;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
			curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
			failed += status / 100 != 2;
			done++;
			curl_multi_remove_handle(multi, slot->easy);
			if (next < count)
				ask(multi, slot, argv, next++);
		}
		if (done < count)
			curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	printf("%.3f\n", now() - start);
	return failed != 0;
}

int main(int argc, char **argv)
{
	char token[4096] = "", header[4200];
	FILE *file = argc == 6 ? fopen(argv[3], "r") : NULL;
	if (!file || !fgets(token, sizeof(token), file)) {
		fprintf(stderr, "usage: %s SERVER CA_FILE TOKEN_FILE NAMESPACE COUNT\n", argv[0]);
		return 2;
	}
	fclose(file);
	token[strcspn(token, "\n")] = '\0';
	snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
	struct curl_slist *headers = curl_slist_append(NULL, header);
	headers = curl_slist_append(headers, "Content-Type: application/apply-patch+yaml");
	return run(argv, (int)strtol(argv[5], NULL, 10), headers);
}
