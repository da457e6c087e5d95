#!/bin/sh
# Runs inside the image: a message goes through the broker; sshd and systemd accept their configuration.
set -eu
mkdir -p /run/mosquitto /run/sshd /var/lib/mosquitto /var/log/mosquitto
chown mosquitto /run/mosquitto /var/lib/mosquitto /var/log/mosquitto
mosquitto -d -c /etc/mosquitto/mosquitto.conf
trap 'pkill -x mosquitto || true' EXIT
mosquitto_pub -r -h 127.0.0.1 -t smoke/test -m works
test "$(mosquitto_sub -h 127.0.0.1 -t smoke/test -C 1 -W 20)" = works
ssh-keygen -q -t ed25519 -N '' -f /tmp/smoke-host-key
sshd -t -h /tmp/smoke-host-key
rm -f /tmp/smoke-host-key /tmp/smoke-host-key.pub
systemctl is-enabled mosquitto.service nftables.service
