#!/bin/sh
# Last hook of mmdebstrap ($1 is the tree): turns an ordinary Debian into a bootable container. Everything of os/ has been
# copied in already. SOURCE_DATE_EPOCH is set; nothing here may depend on the machine it runs on.
set -eu
root=$1

# One kernel, with an initramfs made inside the image, both beside the modules.
set -- "$root"/usr/lib/modules/*/
[ $# -eq 1 ] && [ -d "$1" ] || { echo "the packages brought not one kernel but: $*" >&2; exit 1; }
version=$(basename "$1")
chroot "$root" dracut --quiet --force --kver "$version" "/boot/initrd.img-$version"
# dracut leaves a module out with a warning only.
chroot "$root" lsinitrd "/boot/initrd.img-$version" | grep -q 'usr/libexec/slipway/mount-root$' ||
    { echo "the initramfs was made without slipway-root" >&2; exit 1; }
chroot "$root" /etc/kernel/postinst.d/zz-slipway-kernel "$version"
rm -f "$root"/vmlinuz* "$root"/initrd.img* "$root"/boot/*

# GRUB for machines with a BIOS, as modules that slipway image assembles. The package would bring grub-common and a dozen
# libraries along for programs nobody runs here, so only the modules are taken out of it, with what they need.
if [ "$(chroot "$root" dpkg --print-architecture)" = amd64 ]; then
    grub=$(mktemp -d)
    (cd "$grub" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --quiet download grub-pc-bin)
    dpkg-deb --extract "$grub"/grub-pc-bin_*.deb "$grub/tree"
    modules=usr/lib/grub/i386-pc
    needed="biosdisk part_gpt part_msdos fat iso9660 normal configfile loadenv test echo linux probe search serial terminal reboot halt"
    for _ in 1 2 3 4 5 6; do
        for module in $needed; do needed="$needed $(sed -n "s/^$module: *//p" "$grub/tree/$modules/moddep.lst")"; done
        needed=$(echo "$needed" | tr ' ' '\n' | sort -u | tr '\n' ' ')
    done
    mkdir -p "$root/$modules" "$root/usr/share/doc/grub-pc-bin"
    for file in moddep.lst kernel.img boot.img diskboot.img cdboot.img lzma_decompress.img $(printf '%s.mod ' $needed); do
        cp -p "$grub/tree/$modules/$file" "$root/$modules/$file"
    done
    version=$(dpkg-deb --field "$grub"/grub-pc-bin_*.deb Version)
    echo "Modules of GNU GRUB out of Debian's package grub-pc-bin $version, source package grub2.
Free software under version 3 or later of the GNU General Public License: /usr/share/common-licenses/GPL-3." \
        > "$root/usr/share/doc/grub-pc-bin/copyright"
    rm -rf "$grub"
fi

# /tmp has to be writable. Debian 12 ships the unit, as an example to copy.
if [ ! -e "$root/usr/lib/systemd/system/tmp.mount" ]; then
    cp "$root/usr/share/systemd/tmp.mount" "$root/etc/systemd/system/tmp.mount"
fi

# Units: exactly what the preset says, and no login prompt asks for a first boot's settings.
sed -n 's/^\(enable\|disable\) //p' "$root/usr/lib/systemd/system-preset/50-slipway.preset" |
    while read -r unit; do
        if [ -e "$root/usr/lib/systemd/system/$unit" ] || [ -e "$root/etc/systemd/system/$unit" ]; then
            chroot "$root" systemctl --quiet preset "$unit"
        fi
    done

# The names bootc has for the same; an administrator may know only those.
for kind in service timer; do
    ln -sfn "slipway-update.$kind" "$root/usr/lib/systemd/system/bootc-fetch-apply-updates.$kind"
done

# Where quadlets look for bound images (docs/bootc.md); made when an update brings the first one.
mkdir -p "$root/usr/lib/bootc"
ln -s /sysroot/composefs/bootc/storage "$root/usr/lib/bootc/storage"

# dpkg's records describe the image, so they live in it; in /var they would go on describing the first image for ever.
mkdir -p "$root/usr/lib/sysimage"
mv "$root/var/lib/dpkg" "$root/usr/lib/sysimage/dpkg"
ln -s ../../usr/lib/sysimage/dpkg "$root/var/lib/dpkg"

# What people write to lives in /var; /opt and /usr/local belong to the image (docs/adr/0007).
for pair in home:home root:roothome srv:srv mnt:mnt; do
    name=${pair%:*} target=$root/var/${pair#*:}
    mkdir -p "$target"
    find "$root/$name" -mindepth 1 -maxdepth 1 -exec mv -t "$target" {} +
    rmdir "$root/$name"
    ln -s "var/${pair#*:}" "$root/$name"
done
chmod 0700 "$root/var/roothome"
rmdir "$root/media" && ln -s run/media "$root/media"
mkdir -p "$root/sysroot"

# Made by every machine for itself. "uninitialized" makes the first boot a first boot; an empty file would not.
rm -f "$root"/etc/ssh/ssh_host_*_key* "$root/etc/hostname" "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
echo uninitialized > "$root/etc/machine-id"
chmod 0444 "$root/etc/machine-id"
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
rm -f "$root/etc/.resolv.conf.systemd-resolved.bak" "$root/etc/.pwd.lock" "$root"/etc/*- "$root"/etc/xml/*.old
# Empty but for a comment, and it would only ask to be merged.
rm -f "$root/etc/fstab"
# How this build reached its mirror is nobody else's business.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

# Caches and logs of the build. Not /tmp, which mmdebstrap empties: its settings for apt are there, and without them it would
# tidy up the lists of the machine it runs on.
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old "$root"/var/cache/ldconfig/* \
    "$root"/var/log/* "$root"/var/backups/* "$root"/run/* "$root"/var/tmp/* \
    "$root"/usr/lib/sysimage/dpkg/*-old
