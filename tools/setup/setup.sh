#!/bin/sh
# Installs what the named sets need and says so first. Running it again changes nothing.
# usage: tools/setup/setup.sh workshop [demo] [test]
set -eu
: "${SLIPWAY_ROOT:?run this through make}"
cd "$SLIPWAY_ROOT"

say() { echo "setup: $*" >&2; }

# Runs npm, again where it does not end: a connection that breaks in the middle of a package can leave it waiting for ever. What it has
# fetched it keeps, so every attempt has less to do, and more time for it.
patiently() {
	for limit in 300 600; do
		status=0
		timeout --foreground --kill-after=10 "$limit" "$@" || status=$?
		[ "$status" = 124 ] || [ "$status" = 137 ] || return "$status"
		say "npm has not ended in $limit seconds: trying again"
	done
	"$@"
}

# --- Debian packages -------------------------------------------------------------------------------
missing=
for set in "$@"; do
	while read -r package _why; do
		case "$package" in '' | '#'*) continue ;; esac
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
	done <"tools/setup/$set.packages"
done
# Any npm will do; it only fetches the pinned one.
command -v npm >/dev/null || [ -d tools/node/node_modules/npm ] || missing="$missing npm"

if [ -n "$missing" ]; then
	say "installing Debian packages:$missing"
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { say "cannot install packages: not root and no sudo; as root run: apt-get install$missing"; exit 4; }
		sudo=sudo
	fi
	$sudo apt-get -o Acquire::Retries=3 update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive $sudo apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends $missing >build-setup.log 2>&1 || {
		tail -n 30 build-setup.log >&2
		say "cannot install packages; the whole output is in build-setup.log"
		exit 4
	}
	rm -f build-setup.log
fi

# --- Node and npm, pinned by tools/node/package-lock.json ----------------------------------------
stamp=tools/node/node_modules/.slipway-stamp
if ! cmp -s tools/node/package-lock.json "$stamp"; then
	say "installing the pinned Node and npm into tools/node"
	(cd tools/node && patiently npm ci --silent --no-audit --no-fund)
	cp tools/node/package-lock.json "$stamp"
fi
. tools/node/env.sh

# --- npm packages, pinned by package-lock.json -----------------------------------------------------
stamp=node_modules/.slipway-stamp
if ! cmp -s package-lock.json "$stamp"; then
	say "installing npm packages into node_modules"
	# Not `ci`: it refuses a lockfile without the optional packages of platforms a mirror does not carry. What the
	# lockfile names is installed exactly as it says, integrity included, and the lockfile is not touched.
	patiently node tools/node/node_modules/npm/bin/npm-cli.js install --no-audit --no-fund --no-save --silent --ignore-scripts
	cp package-lock.json "$stamp"
fi

# --- the addon ---------------------------------------------------------------------------------------
packages/linux/native/build.sh
