#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t clock_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_steady(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_boot(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_pause(int64_t milliseconds)
{
	const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
}

static struct tm broken_down(int64_t microseconds, int *milliseconds)
{
	struct tm parts;
	int64_t rest = microseconds % 1000000;
	int64_t seconds = microseconds / 1000000;
	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	time_t time = (time_t)seconds;
	gmtime_r(&time, &parts);
	*milliseconds = (int)(rest / 1000);
	return parts;
}

void clock_text(int64_t microseconds, char text[CLOCK_TEXT_SIZE])
{
	int milliseconds;
	char head[24];
	struct tm parts = broken_down(microseconds, &milliseconds);
	strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, CLOCK_TEXT_SIZE, "%s.%03dZ", head, milliseconds);
}

void clock_text_seconds(int64_t microseconds, char text[CLOCK_TEXT_SIZE])
{
	int milliseconds;
	struct tm parts = broken_down(microseconds, &milliseconds);
	strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static bool parse_zone(const char *text, int *offset)
{
	int hours, minutes, used = 0;
	*offset = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used])
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * 60 * (*text == '-' ? -1 : 1);
	return true;
}

bool clock_parse(const char *text, int64_t *microseconds)
{
	struct tm parts = {0};
	int used = 0, offset;
	int64_t fraction = 0, unit = 100000;

	if (sscanf(text, "%4d-%2d-%2d%*[Tt ]%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
		    &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6)
		return false;
	if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
		parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
		return false;
	const char *rest = text + used;
	if (*rest == '.')
		for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
			fraction += (*rest - '0') * unit;
	if (!parse_zone(rest, &offset))
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	*microseconds = ((int64_t)timegm(&parts) - offset) * 1000000 + fraction;
	return true;
}

bool duration_parse(const char *text, int64_t *milliseconds)
{
	static const struct {
		const char *name;
		double milliseconds;
	} units[] = {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
	const double longest = 365 * 86400e3;
	double total = 0;
	const char *at = text;

	if (!isdigit((unsigned char)*at))
		return false;
	while (*at) {
		char *end;
		if (!isdigit((unsigned char)*at))
			return false;
		double number = strtod(at, &end);
		size_t length = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		double unit = 0;
		for (size_t i = 0; i < COUNT_OF(units); i++)
			if (strlen(units[i].name) == length && memcmp(units[i].name, end, length) == 0)
				unit = units[i].milliseconds;
		if (length == 0 && at == text && !*end)
			unit = 1e3;
		if (unit == 0 || !(number <= longest))
			return false;
		total += number * unit;
		at = end + length;
	}
	if (!(total <= longest))
		return false;
	*milliseconds = (int64_t)total;
	return true;
}

void duration_text(int64_t milliseconds, char text[16])
{
	long long seconds = milliseconds < 0 ? 0 : milliseconds / 1000;
	if (seconds < 120)
		snprintf(text, 16, "%llds", seconds);
	else if (seconds < 120 * 60)
		snprintf(text, 16, "%lldm", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(text, 16, "%lldh", seconds / 3600);
	else
		snprintf(text, 16, "%lldd", seconds / 86400 % 1000000);
}
