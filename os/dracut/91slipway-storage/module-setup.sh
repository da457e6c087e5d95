#!/bin/bash
# What an initramfs needs for a root that lies in more than a partition. Each part is there when the image carries its program:
# a base image carries none, a Containerfile adds what a site needs and runs /usr/libexec/slipway/make-initramfs.

check() {
    # Never by itself: /usr/libexec/slipway/make-initramfs asks for it.
    return 255
}

depends() {
    [ -n "$(programs)" ] || return 0
    echo dm
    if [ -x "$systemdutildir/systemd-cryptsetup" ]; then echo systemd-ask-password; fi
}

# Names of the programs that are there.
programs() {
    local program
    for program in "$systemdutildir/systemd-cryptsetup" /usr/sbin/lvm /usr/sbin/mdadm; do
        if [ -x "$program" ]; then echo "$program"; fi
    done
}

installkernel() {
    if [ -x "$systemdutildir/systemd-cryptsetup" ]; then
        hostonly='' instmods dm_crypt =crypto =arch/x86/crypto =arch/arm64/crypto tpm_crb tpm_tis
    fi
    if [ -x /usr/sbin/lvm ]; then hostonly='' instmods dm_mod dm_mirror dm_snapshot dm_thin_pool; fi
    if [ -x /usr/sbin/mdadm ]; then hostonly='' instmods =drivers/md; fi
    hostonly='' instmods xfs btrfs
}

install() {
    if [ -x "$systemdutildir/systemd-cryptsetup" ]; then install_luks; fi
    if [ -x /usr/sbin/lvm ]; then install_lvm; fi
    if [ -x /usr/sbin/mdadm ]; then install_raid; fi
    inst_multiple -o btrfs
    inst_rules 64-btrfs.rules 64-btrfs-dm.rules
}

# rd.luks.uuid= on the command line makes units for what is to be opened; a console or a credential answers.
install_luks() {
    inst_multiple "$systemdutildir/systemd-cryptsetup" \
        "$systemdutildir/system-generators/systemd-cryptsetup-generator"
    inst_multiple -o "$systemdsystemunitdir/cryptsetup.target" "$systemdsystemunitdir/cryptsetup-pre.target" \
        "$systemdsystemunitdir/system-systemd\\x2dcryptsetup.slice" \
        "$systemdsystemunitdir/sysinit.target.wants/cryptsetup.target"
    # Loaded by name when a volume says that a TPM opens it.
    # libtss2-sys is what libtss2-esys itself is made of, and nothing looks for that here.
    inst_libdir_file 'cryptsetup/libcryptsetup-token-systemd-tpm2.so' 'libtss2-esys.so*' 'libtss2-sys.so*' 'libtss2-mu.so*' \
        'libtss2-rc.so*' 'libtss2-tcti-device.so*' 'ossl-modules/legacy.so'
    inst_rules 60-tpm-udev.rules
}

install_lvm() {
    inst_multiple lvm
    inst_multiple -o dmsetup /etc/lvm/lvm.conf systemd-run vgchange
    # The last one starts a volume group when all of it is there; Debian has a name of its own for it.
    inst_rules 11-dm-lvm.rules 56-lvm.rules 69-dm-lvm.rules 69-lvm.rules
}

install_raid() {
    inst_multiple mdadm
    # An array that lacks a member is started by them after half a minute; without, it is waited for in vain.
    inst_multiple -o "$systemdsystemunitdir/mdadm-last-resort@.service" "$systemdsystemunitdir/mdadm-last-resort@.timer"
    inst_rules 63-md-raid-arrays.rules 64-md-raid-assembly.rules
}
