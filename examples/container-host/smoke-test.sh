#!/bin/sh
# Runs inside the image: podman and its runtime start, and systemd gets a unit from the quadlet. Containers themselves need
# a kernel that lets this build make namespaces, so they are for the booted host.
set -eu
podman --version
crun --version | head -n 1
conmon --version | head -n 1
generated=$(/usr/libexec/podman/quadlet -dryrun 2>/dev/null)
echo "$generated" | grep -q 'ExecStart=.*podman run.*localhost/greeter:1'
test "$(sed -n 's/^graphroot = //p' /etc/containers/storage.conf)" = '"/var/lib/containers/storage"'
systemctl is-enabled podman.socket
