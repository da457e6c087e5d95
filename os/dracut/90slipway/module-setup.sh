#!/bin/bash
# The part of dracut that puts slipway-root into an initramfs. Shell because dracut sources it.

check() {
    require_binaries fsverity mount umount || return 1
    # Never by itself: an image asks for it in dracut.conf.d.
    return 255
}

# systemd finds and mounts the physical root; none of dracut's own hooks run. An image that needs them (network, LVM)
# adds the module dracut-systemd.
depends() {
    echo systemd-initrd
}

installkernel() {
    # loop: where mount(8) is too old to hand a regular file straight to erofs.
    hostonly='' instmods erofs overlay ext4 loop \
        virtio_blk virtio_scsi virtio_pci virtio_mmio ahci nvme sd_mod \
        isofs sr_mod cdrom usb_storage uas =drivers/usb/host \
        sha256 sha256_generic sha512 sha512_generic =crypto/verity
}

install() {
    inst_multiple sh fsverity mount umount mkdir rmdir sleep cat cp mv rm sync systemctl
    inst_multiple losetup dd tr modprobe
    inst_multiple -o ls dmesg findmnt fsck fsck.ext4 e2fsck sulogin "$systemdutildir/systemd-sulogin-shell" \
        "$systemdutildir/systemd-fsck" "$systemdsystemunitdir/systemd-fsck-root.service" \
        "$systemdsystemunitdir/systemd-fsck@.service"
    inst_multiple "$systemdsystemunitdir/emergency.target" "$systemdsystemunitdir/emergency.service"
    inst_script "$moddir/slipway-root.sh" /usr/libexec/slipway/mount-root
    inst_script /usr/libexec/slipway/mount-state /usr/libexec/slipway/mount-state
    inst_script /usr/libexec/slipway/factory-reset /usr/libexec/slipway/factory-reset
    inst_script "$moddir/slipway-live.sh" /usr/libexec/slipway/find-live
    inst_script "$moddir/slipway-emergency.sh" /usr/libexec/slipway/emergency
    inst_simple "$moddir/slipway-root.service" "$systemdsystemunitdir/slipway-root.service"
    inst_simple "$moddir/slipway-live.service" "$systemdsystemunitdir/slipway-live.service"
    inst_script "$moddir/slipway-limit.sh" /usr/libexec/slipway/limit
    inst_simple "$moddir/slipway-limit.service" "$systemdsystemunitdir/slipway-limit.service"
    inst_simple "$moddir/slipway-emergency.conf" "$systemdsystemunitdir/emergency.service.d/50-slipway.conf"
    # What the root does again, for all of the machine: here it only makes a slow one slower.
    $SYSTEMCTL -q --root "$initdir" mask systemd-sysctl.service systemd-tmpfiles-setup.service
    # Device nodes are needed, of the loop module above all; since systemd 255 an earlier unit makes them.
    local early=systemd-tmpfiles-setup-dev-early.service
    if [[ -e "${dracutsysrootdir-}$systemdsystemunitdir/$early" ]]; then
        $SYSTEMCTL -q --root "$initdir" mask systemd-tmpfiles-setup-dev.service
    fi
    # Nor is there anything in an initramfs that waits for one of the hundred terminals of a kernel.
    local trigger="$initdir$systemdsystemunitdir/systemd-udev-trigger.service"
    if [[ -f $trigger ]]; then
        sed -i '/^ExecStart=.*udevadm trigger/s/$/ --subsystem-nomatch=tty --subsystem-nomatch=vc --subsystem-nomatch=vtconsole/' "$trigger"
    fi
    $SYSTEMCTL -q --root "$initdir" add-requires initrd-root-fs.target slipway-root.service
    $SYSTEMCTL -q --root "$initdir" add-wants initrd.target slipway-limit.service
    # Wanted where its device is waited for, or it would be started after that.
    $SYSTEMCTL -q --root "$initdir" add-wants initrd-root-device.target slipway-live.service

    # systemd takes a system with this file for an initramfs, and wants to know its name.
    mkdir -p "$initdir/usr/lib" "$initdir/etc"
    [[ -s "$initdir/usr/lib/initrd-release" ]] || cp /usr/lib/os-release "$initdir/usr/lib/initrd-release"
    for name in etc/initrd-release etc/os-release usr/lib/os-release; do
        ln -sf /usr/lib/initrd-release "$initdir/$name"
    done
}
