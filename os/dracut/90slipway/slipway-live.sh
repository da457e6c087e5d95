#!/bin/sh
# Makes the file system a live system runs from a block device, so that `root=UUID=` finds it as it finds that of a disk:
#
#   slipway.live=LABEL   in slipway/root.img of the medium with this label: a disc, a USB stick
#   slipway.live=ram     in /slipway.img of the initramfs: it came over the network
#
# Nothing on any disk is changed.
set -u

medium=/run/slipway/medium
# Long enough for a slow USB hub; whoever sees the message can plug the stick in again.
patience=180

die() {
    reason="cannot start the live system: $1"
    echo "$reason" > /run/slipway-root-failed
    echo "slipway: $reason" >&2
    exit 1
}

label=
for word in $(cat /proc/cmdline); do
    case "$word" in slipway.live=*) label=${word#slipway.live=} ;; esac
done

# The label of an ISO 9660 medium is in its sector 16, 32 bytes long, spaces at its end.
find_medium() {
    for device in /dev/sr* /dev/sd* /dev/vd* /dev/nvme*n* /dev/mmcblk* /dev/hd*; do
        [ -b "$device" ] || continue
        read -r found <<LABEL
$(dd if="$device" bs=1 skip=32808 count=32 2> /dev/null | tr -d '\000')
LABEL
        [ "$found" = "$label" ] && return 0
    done
    return 1
}

modprobe -q loop
if [ "$label" = ram ]; then
    image=/slipway.img
    [ -f "$image" ] || die "the initramfs has no $image (was it loaded beside the kernel?)"
else
    modprobe -q -a sr_mod isofs
    waited=0
    until find_medium; do
        [ "$waited" -lt "$patience" ] || die "no medium with the label $label came up in $patience seconds"
        waited=$((waited + 1))
        sleep 1
    done
    mkdir -p "$medium"
    mount -t iso9660 -o ro "$device" "$medium" || die "the medium in $device does not mount"
    image=$medium/slipway/root.img
    [ -f "$image" ] || die "the medium in $device has no slipway/root.img"
    echo "$device" > /run/slipway/medium-device
fi
mkdir -p /run/slipway/live
losetup --find --read-only "$image" || die "$image cannot be made a block device"
echo "slipway: the live system runs from ${device:-memory}"
