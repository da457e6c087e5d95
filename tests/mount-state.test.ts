/** The script that gives a deployment its /etc and /var, with real mounts in a namespace, and the same file read by the host. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { parseRootSetup } from '@slipway/host';
import { expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';

const SCRIPT = `${ROOT}/os/libexec/mount-state`;
const ID = 'ab'.repeat(32);
const CONFIG = 'usr/lib/composefs/setup-root-conf.toml';

/** A physical root with one deployment, and its image. */
async function makeHost(directory: string, config: string | undefined): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    'image/etc/release': 'image',
    'image/etc/machine-id': '',
    'image/var/seed': 'image',
    [`physical/state/deploy/${ID}/etc/release`]: 'kept',
    [`physical/state/deploy/${ID}/etc/machine-id`]: `${'7'.repeat(32)}\n`,
    [`physical/state/deploy/${ID}/etc/ssh/ssh_host_ed25519_key`]: 'key',
    'physical/state/os/default/var/seed': 'kept',
    ...(config === undefined ? {} : { [`image/${CONFIG}`]: config }),
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  await chmod(join(directory, `physical/state/deploy/${ID}/etc/ssh/ssh_host_ed25519_key`), 0o600);
  await mkdir(join(directory, 'image/usr'), { recursive: true });
  for (const name of ['none', 'root']) await mkdir(join(directory, name));
}

/** Boots as far as the script goes; what a script in the new root printed. */
async function boot(directory: string, script: string): Promise<string> {
  const root = `${directory}/root`;
  const steps = [
    'mount -t tmpfs run /run',
    `mount -t overlay composefs:${ID} -o ro,lowerdir=${directory}/image:${directory}/none ${root}`,
    `sh ${SCRIPT} ${root} ${directory}/physical ${ID}`,
    // Nothing of the layers is left in sight.
    '[ ! -e /run/slipway/transient ]',
    `cd ${root}`,
    script,
  ];
  const argv = ['unshare', '--mount', '--', 'sh', '-euc', steps.join('\n')] as const;
  return (await run(argv, { describe: 'boot a deployment' })).stdout.toString('utf8').trim();
}

const LOOK = `cat etc/release var/seed etc/machine-id | tr '\\n' ' '
for path in . etc var; do if touch $path/written 2> /dev/null; then printf 'w '; else printf 'r '; fi; done
findmnt -nro SOURCE --mountpoint "$PWD" | tail -n 1`;
const SOURCE = `composefs:${ID}`;
const MEMORY = `transient:composefs=${ID}`;

test.each([
  ['nothing', undefined, `keptkept${'7'.repeat(32)} r w w ${SOURCE}`],
  ['comments', '# none\n\n[foo]\nbar = 1\n', `keptkept${'7'.repeat(32)} r w w ${SOURCE}`],
  ['[etc] transient', '[etc]\ntransient = true\n', `imagekept${'7'.repeat(32)} r w w ${SOURCE}`],
  [
    'a mount before transient',
    '[etc]\nmount="bind"\ntransient = true',
    `keptkept${'7'.repeat(32)} r w w ${SOURCE}`,
  ],
  ['an overlay', '[etc]\nmount = "overlay"\n', `keptkept${'7'.repeat(32)} r w w ${SOURCE}`],
  [
    'none',
    '[etc] # read-only\nmount = \'none\' # so\n[var]\nmount = "transient"',
    `imageimager r w ${SOURCE}`,
  ],
  ['a root in memory', '[root]\ntransient=true\n', `keptkept${'7'.repeat(32)} w w w ${MEMORY}`],
  [
    'all in memory',
    '[root]\ntransient = true\n[etc]\nmount = "transient"\n',
    `imagekept${'7'.repeat(32)} w w w ${MEMORY}`,
  ],
])('what an image says is done: %s', async (_what, config, expected) => {
  await using dir = await makeTempDir('mount-state', '/dev/shm');
  await makeHost(dir.path, config);
  expect(await boot(dir.path, LOOK)).toBe(expected);
});

test('what was written to a transient /etc is gone, what makes the machine itself is there again', async () => {
  await using dir = await makeTempDir('mount-state', '/dev/shm');
  await makeHost(dir.path, '[etc]\nmount = "transient"\n');
  const look = 'stat -c %a etc/ssh etc/ssh/ssh_host_ed25519_key; cat etc/release; ls etc';
  const before = '755\n600\nimagemachine-id\nrelease\nssh';
  expect(await boot(dir.path, `${look}; echo mine > etc/release; rm etc/machine-id`)).toBe(before);
  expect(await boot(dir.path, look)).toBe(before);
});

const TEXTS = [
  '',
  '[root]\ntransient = true',
  '[root]\ntransient = "true"',
  '[root]\ntransient = yes',
  '[root]\nreadonly = true',
  '[etc]\nmount = "transient"',
  "\t[etc]  \n  mount\t=\t'none'  # comment = more",
  '[etc]\nmount = transient',
  '[etc]\nmount = "transient\'',
  '[etc]\nmount = "somewhere"',
  '[etc]\nmount = "bind" "bind"',
  '[etc]\nmount =',
  '[etc]\nmount',
  '[etc] mount = "bind"',
  '[etc.deeper]\nmount = "bind"',
  'etc = { mount = "transient" }',
  'etc.mount = "transient"',
  '[other]\nmount = "anything"\n[var]\ntransient = false',
  '[var]\nmount = "transient"\r\n',
  '[ etc ]\nmount = "bind"',
] as const;

test.each(TEXTS)('the initramfs and the host read the same: %j', async (text) => {
  await using dir = await makeTempDir('mount-state', '/dev/shm');
  await makeHost(dir.path, text);
  const isRead = await boot(dir.path, 'true').then(
    () => true,
    () => false,
  );
  const parse = (): unknown => parseRootSetup(text, CONFIG);
  if (isRead) expect(parse).not.toThrow();
  else expect(parse).toThrow('is not understood');
});
