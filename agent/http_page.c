#include "agent/http_internal.h"

#include "agent/page/page.h"
#include "base/text.h"

/* Built into the program: there is no folder to serve, so there is no path to climb out of one. */
static const struct {
	const char *path, *type;
	const unsigned char *bytes;
	const size_t *length;
} assets[] = {
	{"/", "text/html; charset=utf-8", page_html, &page_html_length},
	{"/page.css", "text/css; charset=utf-8", page_css, &page_css_length},
	{"/page.js", "text/javascript; charset=utf-8", page_js, &page_js_length},
	{"/icon.svg", "image/svg+xml", page_icon, &page_icon_length},
};

void http_page(struct http_call *call)
{
	for (size_t i = 0; i < COUNT_OF(assets); i++)
		if (text_equal(assets[i].path, call->route->path)) {
			http_reply(call, 200, assets[i].type, assets[i].bytes, *assets[i].length);
			return;
		}
}
