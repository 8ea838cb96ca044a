#!/bin/bash
# inside.sh - a program of the image as a Pod with readOnlyRootFilesystem runs it: user 65532, no capability, nothing to write to but /tmp and what the
# test gives. Run by check_image.py in a mount namespace of its own; PGITOPS_IMAGE_ROOT is the image, PGITOPS_IMAGE_FOLDER the test's folder,
# PGITOPS_IMAGE_PROGRAM the program in it.
set -euo pipefail
root=$PGITOPS_IMAGE_ROOT folder=$PGITOPS_IMAGE_FOLDER
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp" -o mode=1777
mkdir -p "$root$folder"
chown -R 65532:65532 "$folder"
mount --bind "$folder" "$root$folder"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
	"$PGITOPS_IMAGE_PROGRAM" "$@"
