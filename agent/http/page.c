#include "agent/http/internal.h"

#include "agent/http/page/page.h"
#include "base/text.h"

/* Built into the program: there is no folder to serve, so there is no path to climb out of one. */
void http_page(struct http_call *call)
{
	const struct page_file *file = page_files;
	if (call->name[0])
		for (; file->name && !text_equal(file->name, call->name); file++)
			;
	if (file->name)
		http_reply(call, 200, file->type, file->bytes, file->length);
	else
		http_problem(call, 404, "there is nothing at this path");
}
