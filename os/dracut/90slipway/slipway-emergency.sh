#!/bin/sh
# Takes the place of the emergency shell of an initramfs. A machine nobody is looking at must come back by itself: this
# says why on every console and reboots, and boot counting takes the older entry in the end. `rd.shell` or `rd.break` on
# the kernel command line keeps the machine here.

reason='the root file system did not come up (is root= on the kernel command line right, is the disk there?)'
[ -r /run/slipway-root-failed ] && read -r reason < /run/slipway-root-failed

stay=no installs=no
for word in $(cat /proc/cmdline); do
    case "$word" in
        slipway.install) installs=yes ;;
        rd.shell | rd.shell=1 | rd.shell=yes | rd.break | rd.break=*) stay=yes ;;
    esac
done

while read -r console _; do
    {
        echo
        echo "slipway: $reason"
        # The words of the installer (os/libexec/installer), for whoever waits for them.
        if [ "$installs" = yes ]; then echo "SLIPWAY-INSTALL: failure: $reason"; fi
        if [ "$stay" = no ]; then
            echo "slipway: rebooting in 30 seconds; add rd.shell to the kernel command line to stay here"
        fi
    } > "/dev/$console"
done < /proc/consoles

if [ "$stay" = yes ]; then
    # Whoever can change the command line may look around: root has no password here.
    SYSTEMD_SULOGIN_FORCE=1 SUSHELL=/bin/sh exec /usr/lib/systemd/systemd-sulogin-shell emergency
fi
sleep 30
systemctl --force reboot
