/*
 * One run of a tool, for the tests in Python: `render_driver TOOL PROGRAM FOLDER PATH FILE NAME NAMESPACE [OPTIONS [SECONDS]]`
 *
 * FOLDER/tree is what it reads. Prints the output, or the message on descriptor 2 with its kind as the exit code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/render/render.h"
#include "reconcile/render/render_worker.h"

int main(int argc, char **argv)
{
	struct error err;
	if (argc > 1 && strcmp(argv[1], "render-worker") == 0)
		return render_worker_main();
	if (argc < 8)
		return 99;
	const struct render_job job = {
		.tool = strcmp(argv[1], "helm") == 0 ? RENDER_HELM : RENDER_KUSTOMIZE,
		.program = argv[2],
		.folder = argv[3],
		.path = argv[4],
		.file = argv[5],
		.name = argv[6],
		.namespace = argv[7],
		.options = argc > 8 && *argv[8] ? argv[8] : NULL,
		.seconds = argc > 9 ? atoi(argv[9]) : 0,
		.stop = -1,
	};
	if (render_run(&job, &err))
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return (int)err.kind;
}
