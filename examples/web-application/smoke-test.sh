#!/bin/sh
# Runs inside the image: nginx accepts its configuration and serves the page.
set -eu
mkdir -p /var/log/nginx /var/lib/nginx
nginx -t
nginx
trap 'nginx -s quit' EXIT
http_get() {
	# bash speaks TCP; the image has no curl.
	bash -c 'exec 9<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\r\n\r\n" >&9; cat <&9'
}
http_get | grep -q 'web application, release'
systemctl is-enabled nginx.service
