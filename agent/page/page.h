/*
 * page.h - the status page's files as embed.cmake writes them into a C source at build time
 */
#pragma once

#include <stddef.h>

extern const unsigned char page_html[], page_css[], page_js[], page_icon[];
extern const size_t page_html_length, page_css_length, page_js_length, page_icon_length;
