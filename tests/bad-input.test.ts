/**
 * Every bad input is one clear error that says what to do, with a documented exit code, before anything is written: images, layouts
 * and command lines here; registries and the machine itself in the files beside this one.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectRefusal, type Refusal } from './harness/refusal.ts';
import { slipway } from './harness/slipway.ts';
import {
  damageTinyLayout,
  member,
  TINY_MODULES,
  type TinyImage,
  writeTinyImage,
} from './harness/tiny-image.ts';

let temp: TempDir;
/** A layout with one good image, and where everything else goes. */
let layout: string;
let good: string;
let out: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  temp = await makeTempDir('bad-input');
  layout = join(temp.path, 'layout');
  out = join(temp.path, 'out');
  env = { SLIPWAY_CACHE: join(temp.path, 'cache') };
  good = await writeTinyImage(layout);
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});
beforeEach(() => {
  rmSync(out, { recursive: true, force: true });
});

/** `slipway image` of something is refused. */
async function imageRefused(
  image: string,
  refusal: Omit<Refusal, 'args'> & { readonly options?: readonly string[] },
): Promise<void> {
  const args = ['image', image, '-o', out, ...(refusal.options ?? [])];
  await expectRefusal({ ...refusal, args, env: { ...env, ...refusal.env }, empty: refusal.empty ?? out });
}

describe('an image that cannot boot', () => {
  const kernel = `${TINY_MODULES}/vmlinuz`;
  const second = member({ path: 'usr/lib/modules/6.13.0-tiny/vmlinuz' }, Buffer.from('kernel'));
  const cases: readonly (readonly [string, TinyImage, RegExp, RegExp])[] = [
    ['no kernel', { without: [kernel] }, /no \/usr\/lib\/modules\/<version>\/vmlinuz/, /install a kernel/],
    ['two kernels', { extra: [second] }, /holds 2 kernels: 6\.12\.0-tiny, 6\.13\.0-tiny/, /all but one/],
    ['no initramfs', { without: [`${TINY_MODULES}/initramfs.img`] }, /no .*\/initramfs\.img/, /RUN dracut/],
    ['no /boot', { without: ['boot'] }, /needs a directory \/boot, there is none/, /RUN mkdir -p \/boot/],
    ['no /sysroot', { without: ['sysroot'] }, /needs a directory \/sysroot/, /RUN mkdir -p \/sysroot/],
    [
      'no boot loader',
      { without: ['usr/lib/systemd/boot'] },
      /the image has no \/usr\/lib\/systemd\/boot\/efi\/systemd-bootx64\.efi/,
      /install the package systemd-boot-efi/,
    ],
    [
      'an unknown key among its kernel arguments',
      { extra: [kargs('karg = ["quiet"]\n')] },
      /\/usr\/lib\/bootc\/kargs\.d\/20-bad\.toml of the image: it has the unknown key "karg"/,
      /kargs = \["…"\]/,
    ],
    [
      'kernel arguments that are no TOML',
      { extra: [kargs('kargs = [\n')] },
      /20-bad\.toml of the image: Invalid TOML/,
      /kargs = \["…"\]/,
    ],
  ];
  test.each(cases)('%s', async (title, image, message, hint) => {
    const tag = title.replaceAll(/[^a-z]+/g, '-').replaceAll(/^-|-$/g, '');
    await imageRefused(await writeTinyImage(layout, { ...image, tag }), { exitCode: 3, message, hint });
  });

  function kargs(text: string): ReturnType<typeof member> {
    return member({ path: 'usr/lib/bootc/kargs.d/20-bad.toml' }, Buffer.from(text));
  }
});

describe('an image for another machine', () => {
  test.each([
    [
      'of a manifest, before a layer is read',
      { tag: 'plain' },
      /it is for amd64, not arm64/,
      /build it for arm64/,
    ],
    [
      'missing in an index',
      { tag: 'index', asIndex: true },
      /no image for linux\/arm64|find an image/,
      /linux\/amd64/,
    ],
  ] as const)('%s', async (_title, image, message, hint) => {
    const cache = join(temp.path, `cache-${image.tag}`);
    const reference = await writeTinyImage(layout, image);
    await imageRefused(reference, {
      options: ['--arch', 'arm64', '--cache', cache],
      exitCode: 3,
      message,
      hint,
    });
    expect(existsSync(join(cache, 'store'))).toBe(false);
  });
});

describe('a hostile layer', () => {
  test.each([
    ['going up', member({ path: '../escape' }, Buffer.from('x'))],
    ['going up in the middle', member({ path: 'usr/../../escape' }, Buffer.from('x'))],
    [
      'a hard link out of the tree',
      member({ kind: 'hardlink', path: 'usr/x', linkTarget: '../../../etc/passwd' }),
    ],
    ['a hard link to nothing', member({ kind: 'hardlink', path: 'usr/x', linkTarget: 'usr/nothing' })],
    ['a file below a file', member({ path: 'etc/hostname/x' }, Buffer.from('x'))],
    ['a name with a line break', member({ path: '../\nerror: fine' }, Buffer.from('x'))],
  ])('%s', async (title, entry) => {
    const tag = `hostile-${title.replaceAll(' ', '-')}`;
    await imageRefused(await writeTinyImage(layout, { tag, extra: [entry] }), {
      exitCode: 3,
      message: /cannot apply ".*" of layer sha256:/,
      hint: /rebuild the image/,
    });
    expect(existsSync(join(temp.path, 'escape'))).toBe(false);
  });
});

describe('a layout', () => {
  test('that is not there, is empty, or is a file', async () => {
    const empty = join(temp.path, 'empty');
    mkdirSync(empty);
    for (const path of [join(temp.path, 'nothing'), empty, join(layout, 'index.json')]) {
      const message = /find an OCI layout at /;
      await imageRefused(`oci:${path}:v1`, { exitCode: 5, message, hint: /holds oci-layout, index\.json/ });
    }
  });

  test.each([
    [
      'of another version',
      '{"imageLayoutVersion":"2.0.0"}',
      '{}',
      /oci-layout is missing or of another version/,
    ],
    ['without an index', '{"imageLayoutVersion":"1.0.0"}', undefined, /its index\.json is missing/],
    ['whose index is no JSON', '{"imageLayoutVersion":"1.0.0"}', 'nope', /its index\.json is not JSON/],
    ['whose index is another document', '{"imageLayoutVersion":"1.0.0"}', '[]', /its index\.json: /],
  ])('%s', async (title, marker, index, message) => {
    const path = join(temp.path, `layout-${title.replaceAll(' ', '-')}`);
    mkdirSync(path);
    writeFileSync(join(path, 'oci-layout'), marker);
    if (index !== undefined) writeFileSync(join(path, 'index.json'), index);
    await imageRefused(`oci:${path}:v1`, { exitCode: 3, message, hint: /holds oci-layout, index\.json/ });
  });

  test('without the tag, or the digest', async () => {
    const noTag = { exitCode: 5, message: /find an image at .*:nothing$/, hint: /has these tags: .*tiny/ };
    await imageRefused(`oci:${layout}:nothing`, noTag);
    const noDigest = { exitCode: 5, message: /find the blob sha256:0{64}/, hint: /check the digest/ };
    await imageRefused(`oci:${layout}@sha256:${'0'.repeat(64)}`, noDigest);
  });

  test.each(['manifest', 'config', 'layer'] as const)(
    'whose %s is not what its digest says',
    async (part) => {
      const damaged = join(temp.path, `damaged-${part}`);
      const reference = await writeTinyImage(damaged);
      const digest = await damageTinyLayout(damaged, part, 'flip');
      const options = ['--cache', join(temp.path, `cache-${part}`)];
      const message = new RegExp(`cannot use the blob ${digest} .*: its bytes have the digest sha256:`);
      const hint = /damaged or was changed/;
      await imageRefused(reference, { options, exitCode: 5, message, hint });
      if (part === 'manifest') await imageRefused(`oci:${damaged}@${digest}`, { exitCode: 5, message, hint });
      await damageTinyLayout(damaged, part, 'cut');
      const short = {
        exitCode: 5,
        message: /it has \d+ bytes, not the \d+ its descriptor/,
        hint: /is damaged/,
      };
      await imageRefused(reference, { options, ...short });
    },
  );
});

describe('a request', () => {
  test.each([
    [
      'a size that is no number of sectors',
      ['--size', '2000000001'],
      3,
      /disk of 2000000001 bytes/,
      /multiple of 512/,
    ],
    ['a size that is no size', ['--size', 'huge'], 2, /use 'huge' for --size/, /such as 10G, 512MiB/],
    ['a size of nothing', ['--size', '0'], 2, /use '0' for --size/, /such as 10G/],
    [
      'a kernel argument with an open quote',
      ['--karg', 'a="b'],
      3,
      /a="b: a double quote is not closed/,
      /key=value/,
    ],
    ['an empty kernel argument', ['--karg', ' '], 3, /kernel argument ' ': it is empty/, /key=value/],
    [
      'a kernel argument that selects the deployment',
      ['--karg', 'composefs=0'],
      3,
      /it selects the deploy/,
      /leave it out/,
    ],
    ['another format', ['--type', 'vdi'], 2, /use 'vdi' for --type/, /choose one of: raw, qcow2, vmdk/],
    ['another architecture', ['--arch', 'riscv'], 2, /use 'riscv' for --arch/, /choose one of: amd64, arm64/],
    [
      'an image to follow that is none',
      ['--target-imgref', './x'],
      3,
      /use "\.\/x" as an image reference/,
      /oci:\.\/x:TAG/,
    ],
    ['an unknown option', ['--bogus'], 2, /unknown option '--bogus'/, /slipway image --help/],
    ['an option spelt wrongly', ['--targetimgref', 'x'], 2, /unknown option/, /did you mean --target-imgref/],
    ['one argument too many', ['more'], 2, /too many arguments/, /slipway image --help/],
  ] as const)('for %s', async (_title, options, exitCode, message, hint) => {
    // Whatever needs no image to be refused is refused without reading one.
    const cache = join(temp.path, 'cache-of-requests');
    await imageRefused(good, { options: [...options, '--cache', cache], exitCode, message, hint });
    expect(existsSync(cache)).toBe(false);
  });

  test('for a disk too small for the image, and one just large enough', async () => {
    const message = /disk of 1024 MiB: one deployment of this image needs 1\d{3} MiB/;
    await imageRefused(good, {
      options: ['--size', '1G'],
      exitCode: 3,
      message,
      hint: /ask for at least 1\d{3} MiB/,
    });
    const refused = await slipway(['image', good, '-o', out, '--size', '1G'], { env, allowExitCodes: [3] });
    const least = /at least (?<size>\d+) MiB/.exec(refused.stderr)?.groups?.['size'];
    await slipway(['image', good, '-o', out, '--size', `${least}M`], { env });
    expect(readdirSync(out).toSorted()).toEqual(['SHA256SUMS', 'disk.qcow2']);
  });

  test.each([
    ['a path', '/srv/image', 3, /it is a path/, /oci:\/srv\/image:TAG/],
    ['no registry', 'shop:v1', 3, /names no registry/, /HOST\/shop:v1/],
    ['nothing', '', 3, /it is empty/, /oci:DIR:TAG/],
    ["another tool's storage", 'docker-daemon:localhost/x', 3, /transport docker-daemon:/, /oci:DIR:TAG/],
    [
      'not in the store',
      'containers-storage:localhost/x',
      5,
      /it has no image of that name/,
      /podman images/,
    ],
    ['no digest', 'registry.example/x@sha256:12', 3, /"sha256:12" is not a digest/, /64/],
  ])('for an image that is %s', async (_title, image, exitCode, message, hint) => {
    await imageRefused(image, { exitCode, message, hint });
  });

  test('for a directory below a file, or a file', async () => {
    const file = join(temp.path, 'file');
    writeFileSync(file, 'kept');
    for (const path of [file, join(file, 'out'), join(file, 'deep', 'out')]) {
      const args = ['image', good, '-o', path];
      const hint = /name a directory this user may write to/;
      await expectRefusal({ args, env, exitCode: 5, message: /\/file is not a directory/, hint });
    }
  });

  test.each([
    [[], /slipway: it needs a command/, /slipway --help/],
    [['bogus'], /slipway: unknown command 'bogus'/, /slipway --help/],
    [['imag'], /unknown command 'imag'/, /did you mean image\?/],
    [['base'], /slipway base: it needs a command/, /slipway base --help/],
    [['base', 'bild'], /unknown command 'bild'/, /slipway base/],
    [['image'], /option '-o, --output DIR' must be given/, /slipway image --help/],
    [['push', 'oci:x:y'], /missing required argument 'TARGET'/, /slipway push --help/],
    [['history', '--limit', '0'], /use '0' for --limit/, /from 1 to/],
    [['completion', 'tcsh'], /use 'tcsh' for SHELL/, /bash, zsh, fish/],
  ] as const)('%j', async (args, message, hint) => {
    await expectRefusal({ args, env, exitCode: 2, message, hint });
  });

  test('to run a disk that is not there', async () => {
    const args = ['run', join(temp.path, 'no-disk.qcow2')];
    await expectRefusal({ args, env, exitCode: 3, message: /there is no such disk/, hint: /slipway image/ });
  });
});
