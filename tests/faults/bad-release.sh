#!/bin/sh
# Breaks the image of bad-release.Containerfile.
set -eu

units=/usr/lib/systemd/system
kargs=/usr/lib/bootc/kargs.d/99-bad.toml
systemctl disable ssh.service

case $1 in
    required-check-fails)
        check=/usr/lib/greenboot/check/required.d/10-shop.sh
        mkdir -p "${check%/*}"
        printf '#!/bin/sh\necho "the shop does not answer"\nexit 1\n' >$check
        chmod 0755 $check
        ;;
    kernel-panics)
        # It finds no first program, and no root file system of its own to look for one.
        mkdir -p "${kargs%/*}"
        echo 'kargs = ["rdinit=/nowhere"]' >$kargs
        ;;
    initramfs-hangs)
        tree=$(mktemp -d)
        mkdir -p "$tree/etc/systemd/system/initrd-root-fs.target.requires"
        printf '[Unit]\nDefaultDependencies=no\nBefore=initrd-root-fs.target\n[Service]\nType=oneshot\nExecStart=sleep infinity\n' \
            >"$tree/etc/systemd/system/hang.service"
        ln -s ../hang.service "$tree/etc/systemd/system/initrd-root-fs.target.requires/hang.service"
        for image in /usr/lib/modules/*/initramfs.img; do
            # A kernel takes what follows as another archive, where it is aligned.
            truncate -s %512 "$image"
            (cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) >>"$image"
        done
        rm -r "$tree"
        # Three attempts of ten minutes are not what is tried.
        mkdir -p "${kargs%/*}"
        echo 'kargs = ["slipway.initramfs_limit=60"]' >$kargs
        ;;
    service-eats-memory)
        printf '[Unit]\nBefore=boot-complete.target\n[Service]\nType=oneshot\nExecStart=tail /dev/zero\n[Install]\nRequiredBy=boot-complete.target\n' \
            >$units/eater.service
        systemctl enable eater.service
        ;;
    systemd-missing)
        rm -r /usr/lib/systemd
        ;;
esac
