#!/bin/sh
# Turns the physical root at /sysroot into the deployment named by `composefs=` on the kernel command line:
#
#   /          overlay, read-only: the EROFS image's names and metadata over the objects' bytes
#   /etc       state/deploy/<id>/etc
#   /var       state/os/default/var
#   /sysroot   the physical root
#
# An image may want /, /etc or /var to be forgotten with each boot: mount-state, which mounts both.
#
# Of a live system (slipway-live.sh) nothing can be written: /etc and /var keep what is written to them in memory, and so does the
# physical root, which is at /run/slipway/live. Its /sysroot is empty: it is no host, and nothing takes it for one.
#
# Nothing on the disk is changed. Whatever is missing is named on the console; the unit's failure then reboots.
set -u

physical=/sysroot
work=/run/slipway-root
reason_file=/run/slipway-root-failed

die() {
    reason="cannot mount the deployment: $1"
    echo "$reason" > "$reason_file"
    echo "slipway: $reason" >&2
    exit 1
}

# The last composefs= wins, as the last of any kernel argument does.
karg=
for word in $(cat /proc/cmdline); do
    case "$word" in composefs=*) karg=${word#composefs=} ;; esac
done
verity=require
case "$karg" in '?'*) verity=off karg=${karg#'?'} ;; esac
id=$karg
case "${#id}" in
    64) algorithm=sha256 ;;
    128) algorithm=sha512 ;;
    *) die "composefs=$id on the kernel command line is not a digest of 64 or 128 hexadecimal digits" ;;
esac
case "$id" in *[!0-9a-f]*) die "composefs=$id on the kernel command line is not lower-case hexadecimal" ;; esac

image=composefs/images/$id
deployment=state/deploy/$id
var=state/os/default/var
[ -d "$physical/composefs/objects" ] || die "there is no composefs/objects on the root file system"
[ -f "$physical/$image" ] || die "there is no $image on the root file system"

# The image names every object by digest, so its own digest vouches for all of them. The kernel checks each read
# against the digest it measures here.
if [ "$verity" = require ]; then
    measured=$(fsverity measure "$physical/$image" 2>&1) ||
        die "$image is not sealed with fs-verity (${measured##*: })"
    [ "${measured%% *}" = "$algorithm:$id" ] ||
        die "$image has the fs-verity digest ${measured%% *}, not the one that names it"
fi

# systemd shares every mount; only below private ones can be moved.
mount --make-rprivate / || die "the initramfs mounts cannot be made private"
mkdir -p "$work/physical" "$work/image" "$work/root" || die "$work cannot be made"

# The EROFS mount keeps its image file open, and with it the mount it was opened through. Opening it through a
# second mount, detached below, leaves /sysroot free to be unmounted at shutdown.
mount --bind "$physical" "$work/physical" || die "the root file system cannot be mounted a second time"
mount -t erofs -o ro "$work/physical/$image" "$work/image" ||
    die "$image does not mount as erofs (kernel 6.12 or newer is needed)"
options=ro,metacopy=on,redirect_dir=on,lowerdir=$work/image::$work/physical/composefs/objects
[ "$verity" = require ] && options=$options,verity=require
mount -t overlay -o "$options" "composefs:$id" "$work/root" ||
    die "$image does not mount over its objects"
# The overlay holds its own reference to both.
umount "$work/image" && umount -l "$work/physical" || die "the mounts under $work cannot be let go"

[ -d "$work/root/sysroot" ] || die "the image has no directory /sysroot"
# The systemd of the initramfs would find out when it is too late to do anything but stand there for ever.
[ -x "$work/root/usr/lib/systemd/systemd" ] || die "the image has no /usr/lib/systemd/systemd to start"
live=/run/slipway/live
writable=$physical
if [ -d "$live" ]; then
    mkdir -p "$live-medium" "$live-memory"
    mount --move "$physical" "$live-medium" || die "the root file system cannot be moved away"
    # Half of the memory, as any tmpfs: what is fetched to be installed goes here.
    mount -t tmpfs -o mode=0700 slipway-live "$live-memory" && mkdir "$live-memory/upper" "$live-memory/work" ||
        die "there is no memory to write to"
    mount -t overlay -o "lowerdir=$live-medium,upperdir=$live-memory/upper,workdir=$live-memory/work" slipway-live "$live" ||
        die "the root file system cannot be made writable in memory"
    writable=$live
fi
# Begun by `slipway factory-reset`, or by a boot that was cut short.
if [ -d "$writable/state/factory-reset" ]; then
    problem=$(/usr/libexec/slipway/factory-reset "$work/root" "$writable" "$id" 2>&1) || die "$problem"
    echo "$problem"
fi
[ -d "$writable/$deployment/etc" ] || die "there is no $deployment/etc on the root file system"
[ -d "$writable/$var" ] || die "there is no $var on the root file system"
problem=$(/usr/libexec/slipway/mount-state "$work/root" "$writable" "$id" 2>&1) || die "$problem"
if [ "$writable" = "$physical" ]; then
    mount --move "$physical" "$work/root/sysroot" || die "the root file system cannot be moved to /sysroot"
fi
mount --move "$work/root" "$physical" || die "the deployment cannot be made the root"
# Below a root that can be written lies the one it was made of, which it holds by itself.
umount "$work/root" 2> /dev/null
rmdir "$work/image" "$work/physical" "$work/root" "$work"

# On its first boot systemd applies presets to /etc, which would turn on again what a Containerfile turned off. The
# image has decided already; the file is taken away again once that is over (tmpfiles.d/slipway.conf).
mkdir -p /run/systemd/system-preset
echo 'disable *' > /run/systemd/system-preset/00-slipway-first-boot.preset

echo "slipway: root is composefs:$id (verity $verity)"
