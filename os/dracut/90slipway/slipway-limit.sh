#!/bin/sh
# An initramfs that hangs must not keep a machine nobody is looking at: after 10 minutes, or `slipway.initramfs_limit=SECONDS` of the kernel
# command line (0: never), it reboots, and boot counting takes the older entry in the end. Time spent on a question (the passphrase of a disk),
# on the check of a file system or on a live medium does not count; `rd.shell` or `rd.break` keeps the machine here.
set -eu

limit=600
read -r command_line < /proc/cmdline
for word in $command_line; do
    case "$word" in
        rd.shell | rd.shell=1 | rd.shell=yes | rd.break | rd.break=*) exit 0 ;;
        slipway.initramfs_limit=*[!0-9]* | slipway.initramfs_limit=) ;;
        slipway.initramfs_limit=*) limit=${word#*=} ;;
    esac
done
[ "$limit" -gt 0 ] || exit 0 # no limit
# Seldom enough that an initramfs that does well has gone before it is looked at.
step=30
[ "$step" -le "$limit" ] || step=$limit

# Whether something is going on that takes as long as it takes.
is_busy() {
    for question in /run/systemd/ask-password/ask.*; do
        [ -e "$question" ] && return 0
    done
    case "$(systemctl show --property=ActiveState --value systemd-fsck-root.service slipway-live.service)" in
        *activating*) return 0 ;;
    esac
    return 1
}

spent=0
while [ "$spent" -lt "$limit" ]; do
    sleep "$step"
    is_busy || spent=$((spent + step))
done
while read -r console _; do
    echo "slipway: the initramfs did not come to its end in $limit seconds: rebooting" > "/dev/$console"
done < /proc/consoles
# Without asking units to stop: one of them is what hangs.
systemctl --force --force reboot
