#include "base/http/percent.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void percent_encode(struct buf *out, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			(*at >= '0' && *at <= '9') || strchr("-._~", *at);
		if (plain)
			buf_char(out, (char)*at);
		else
			buf_printf(out, "%%%02X", *at);
	}
}

const char *percent_decode(const char *text, size_t length, struct arena *mem)
{
	char *decoded = arena_copy_n(mem, text, length);
	char *to = decoded;
	for (const char *from = decoded; *from; from++, to++) {
		*to = *from;
		if (*from != '%' || !isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
			continue;
		const char digits[] = {from[1], from[2], '\0'};
		*to = (char)strtol(digits, NULL, 16);
		from += 2;
	}
	*to = '\0';
	return decoded;
}
