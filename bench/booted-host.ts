/** A host that is a directory, made the root of a mount namespace the way its initramfs would; that needs root. */
import { partsOf, type TestHost } from '../packages/host/src/testing/test-host.ts';

/**
 * `sh -c … sh DIRECTORY SYSROOT ESP ID EXECUTABLE COMMAND…`. The root is this machine's, read-only, under the name a deployment's has;
 * the executable is `/mnt/slipway`, and `/etc` the deployment's own.
 */
const ENTER = `mount -t tmpfs none "$1"
mkdir "$1/over" "$1/over/sysroot" "$1/root"
mount -t overlay "composefs:$4" -o "ro,lowerdir=$1/over:/" "$1/root"
touch "$1/slipway"
mount --bind "$5" "$1/slipway"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
mount --bind "$2" "$1/root/sysroot"
mount --bind "$3" "$1/root/boot"
mount --bind "$2/state/deploy/$4/etc" "$1/root/etc"
mount -t tmpfs run "$1/root/run"
mount --rbind "$1" "$1/root/mnt"
root=$1
shift 5
exec chroot "$root/root" "$@"`;

/** Asks for the milliseconds a command takes, time after time: the last words before the command are how often. */
const TIMES = `times=$1
shift
for round in $(seq "$times"); do
  from=$(date +%s%N)
  "$@" >&2
  echo $((($(date +%s%N) - from) / 1000000))
done`;

/** A program and its words. */
type Argv = readonly [program: string, ...words: string[]];

/** What to write before a command so that it runs on the host as booted. */
export function onBootedHost(host: TestHost, mountPoint: string, executable: string): Argv {
  const { sysroot, esp } = partsOf(host.directory);
  const own = [mountPoint, sysroot, esp, host.bootedId, executable];
  return ['unshare', '--mount', '--', 'sh', '-euc', ENTER, 'sh', ...own];
}

/** What to write before a command so that it is run so often and prints how many milliseconds it took, a line each. */
export function timed(times: number): Argv {
  return ['sh', '-euc', TIMES, 'sh', `${times}`];
}
