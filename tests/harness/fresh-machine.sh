#!/bin/sh
# Proves that the README's two commands work on a machine that has only what the README names.
# usage (as root): fresh-machine.sh RELEASE CHECKOUT [COMMANDS]
#
# `make test` runs here with the tests that use what set-up installs, each tool at least once but the database, whose tests take two minutes: the
# others would say again what they say on the machine this one is made on.
#
# The machine is a Debian root of its own, with its own mounts and processes; the network is the machine's. Nothing that
# lies outside it is written, and it is gone when this script ends, however it ends.
set -eu
release=$1
checkout=$2
# One line: it becomes one of a recipe.
tests='packages/boot packages/disk packages/cli/src/reference packages/oci/src/signature'
tests="$tests tests/ansible-inventory tests/composefs-mount tests/console tests/package-databases"
tests="$tests tests/registry-harness tests/transports"
root=$(mktemp -d "${TMPDIR:-/tmp}/slipway-fresh-XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT

echo "fresh machine: Debian $release with git, make, nodejs and npm"
mmdebstrap --quiet --variant=minbase --include=git,make,nodejs,npm,ca-certificates "$release" "$root"
git -c safe.directory='*' clone --quiet --no-hardlinks "$checkout" "$root/srv/slipway"

# What belongs to the machine's network, not to its software.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

# pivot_root, not only chroot: the machine has a root mount of its own, as every machine has, and sees no mount but its own.
unshare --mount --propagation private --pid --fork --kill-child sh -eu -c '
	root=$1
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/run"
	cd "$root"
	pivot_root . mnt
	umount --lazy /mnt
	exec chroot . /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb CI=true TESTS="$3" sh -eu -c "$2"
' sh "$root" "cd /srv/slipway; ${3:-make demo; make test}" "$tests"
echo "fresh machine: both commands work on $release"
