/*
 * render_worker.h - the rendering process: main() of `pgitops render-worker`
 *
 * Reads one job from descriptor 0, has the tool run in a process of its own (program.h), and answers on descriptor 1 with one frame of
 * JSON: {} or {"kind", "text"}.
 */
#pragma once

int render_worker_main(void);
