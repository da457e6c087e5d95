#!/bin/sh
# Compiles linux.c into build/linux-<arch>.node; does nothing when that is newer than its source.
# Needs a C compiler, the C library's and the kernel's headers (Debian: gcc, libc6-dev) and the npm package node-api-headers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

case "$(uname -m)" in
x86_64) arch=x64 ;;
aarch64) arch=arm64 ;;
*)
	echo "build.sh: cannot build for $(uname -m): only x86_64 and aarch64 are supported" >&2
	exit 4
	;;
esac
out="$here/build/linux-$arch.node"
if [ -f "$out" ] && [ "$out" -nt "$here/linux.c" ] && [ "$out" -nt "$here/build.sh" ]; then
	exit 0
fi

headers="$root/node_modules/node-api-headers/include"
if [ ! -f "$headers/node_api.h" ]; then
	echo "build.sh: the npm package node-api-headers is not installed; run: make setup" >&2
	exit 4
fi
mkdir -p "$here/build"
# Renamed into place, so that a process that loads it meanwhile sees the old file or the new one, never half of it.
temporary="$out.$$"
trap 'rm -f "$temporary"' EXIT
"${CC:-cc}" -shared -fPIC -O2 -std=gnu11 -Wall -Wextra -fvisibility=hidden -fstack-protector-strong \
	-Wl,-z,relro,-z,now -Wl,--build-id=none -I "$headers" -o "$temporary" "$here/linux.c"
strip --strip-unneeded "$temporary"
mv "$temporary" "$out"
