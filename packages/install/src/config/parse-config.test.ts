import * as fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { readJson } from './json-document.ts';
import { type ConfigTarget, parseConfig } from './parse-config.ts';
import { tomlPositions } from './toml-positions.ts';
import type { ImageConfig } from './types.ts';

function problems(
  text: string,
  format: 'toml' | 'json' = 'toml',
  target: ConfigTarget = 'disk',
): readonly string[] {
  const parsed = parseConfig(text, format, target);
  if (parsed.kind === 'config') return [];
  return parsed.problems.map(({ line, column, field, message }) => `${line}:${column} ${field}: ${message}`);
}

function config(text: string, format: 'toml' | 'json' = 'toml', target: ConfigTarget = 'disk'): ImageConfig {
  const parsed = parseConfig(text, format, target);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

const KEY = `ssh-ed25519 ${'A'.repeat(68)} me@example`;

describe('a configuration of bootc-image-builder', () => {
  test('is taken as it is', () => {
    const text = `
name = "example"
[[customizations.user]]
name = "alice"
password = "bob"
key = "${KEY}"
groups = ["wheel"]
[[customizations.group]]
name = "wheel"
gid = 10
[customizations.kernel]
append = "mitigations=auto,nosmt"
[[customizations.filesystem]]
mountpoint = "/"
minsize = "10 GiB"
[[customizations.filesystem]]
mountpoint = "/var/data"
minsize = 21474836480
[[customizations.files]]
path = "/etc/motd"
data = "hello"
mode = "0600"
[[customizations.directories]]
path = "/etc/app"
ensure_parents = true
[customizations.sshd]
permit_root_login = "prohibit-password"
`;
    const { customizations } = config(text);
    expect(customizations?.filesystem).toEqual([
      { mountpoint: '/', minsize: 10 * 1024 ** 3 },
      { mountpoint: '/var/data', minsize: 20 * 1024 ** 3 },
    ]);
    expect(customizations?.user?.[0]?.groups).toEqual(['wheel']);
  });

  test('may be JSON, and wrapped as it once was', () => {
    const text =
      '{"blueprint": {"customizations": {"user": [{"name": "alice"}], "swap": {"size": "1 GiB"}}}}';
    expect(config(text, 'json').customizations).toEqual({
      user: [{ name: 'alice' }],
      swap: { size: 1024 ** 3 },
    });
    expect(problems(text.replace('alice', 'Al ice'), 'json')[0]).toMatch(
      /^1:\d+ customizations\.user\[0\]\.name: must be a name/,
    );
  });

  test('with a disk is taken too', () => {
    const text = `
[customizations.disk]
type = "gpt"
minsize = "50 GiB"
[[customizations.disk.partitions]]
mountpoint = "/var/lib/data"
fs_type = "ext4"
minsize = "5 GiB"
label = "data"
part_label = "data"
[[customizations.disk.partitions]]
fs_type = "swap"
minsize = "1 GiB"
`;
    expect(config(text).customizations?.disk?.partitions).toHaveLength(2);
  });
});

describe('every problem is reported at once, with its place', () => {
  test('in TOML', () => {
    const text = `[customizations]
hostnam = "web"
hostname = "-bad-"

[[customizations.user]]
name = "alice"
groups = "wheel"
[[customizations.user]]
nme = "bob"
`;
    expect(problems(text)).toEqual([
      "2:1 customizations.hostnam: there is no field 'hostnam' here, did you mean 'hostname'?",
      '3:1 customizations.hostname: must be a host name: labels of letters, digits and -, separated by dots',
      '7:1 customizations.user[0].groups: must be a list',
      '8:1 customizations.user[1].name: is missing; it must be text',
      "9:1 customizations.user[1].nme: there is no field 'nme' here, did you mean 'name'?",
    ]);
  });

  test('in JSON', () => {
    const text =
      '{\n  "customizations": {\n    "swap": {"size": "lots"},\n    "locale": {"keybord": "de"}\n  }\n}\n';
    expect(problems(text, 'json')).toEqual([
      '3:14 customizations.swap.size: must be a size: bytes, or text such as "10 GiB"',
      "4:16 customizations.locale.keybord: there is no field 'keybord' here, did you mean 'keyboard'?",
    ]);
  });

  test.each<[string, 'toml' | 'json', RegExp]>([
    ['a = ', 'toml', /^1:\d+ the file: /],
    ['[a]\nb = 1\nb = 2\n', 'toml', /^3:/],
    ['{"a": 1,}', 'json', /^1:9 the file: a key in double quotes was expected/],
    ['{"a": 1 "b"}', 'json', /^1:9 the file: ',' was expected/],
    ['{"a": [1, 2', 'json', /^1:12 the file: the text ends too early/],
    ['{"a": 1, "a": 2}', 'json', /^1:10 the file: the key "a" stands here twice/],
    ['{} {}', 'json', /^1:4 the file: nothing may follow/],
    ['[]', 'json', /^1:1 the file: must be a table/],
    ['["x"', 'json', /the text ends too early/],
  ])('%s', (text, format, expected) => {
    expect(problems(text, format)[0]).toMatch(expected);
  });
});

describe('what contradicts itself or cannot be done', () => {
  test.each<[string, string]>([
    [
      '[[customizations.user]]\nname="a"\n[[customizations.user]]\nname="a"',
      "4:1 customizations.user[1].name: 'a' is described twice",
    ],
    [
      '[[packages]]\nname="vim"',
      '1:3 packages: must be empty: what runs on a host is part of its image, add it in the Containerfile',
    ],
    [
      '[customizations.kernel]\nname="kernel-rt"',
      '2:1 customizations.kernel.name: is not supported: the kernel is part of the image',
    ],
    [
      '[customizations.installer]\nunattended=true',
      '1:17 customizations.installer: is for installers; a disk image is not installed by anybody',
    ],
    [
      '[customizations.openscap]\nprofile_id="x"',
      '1:17 customizations.openscap: is not supported: harden the image in its Containerfile',
    ],
    [
      '[customizations.services]\nenabled=["a"]\nmasked=["a"]',
      '3:9 customizations.services.masked[0]: a is enabled too',
    ],
    [
      '[[customizations.files]]\npath="/etc/passwd"\ndata=""',
      '2:1 customizations.files[0].path: /etc/passwd is made from user',
    ],
    [
      '[[customizations.files]]\npath="/etc/a"\ndata=""\nuri="file:///b"',
      '1:1 customizations.files[0]: has more than one content: give one of data, data_base64 and uri',
    ],
    [
      '[[customizations.files]]\npath="/etc/../x"',
      '2:1 customizations.files[0].path: must be an absolute path without // or . or .. or a slash at the end',
    ],
    [
      '[customizations.disk]\ntype="dos"',
      '2:1 customizations.disk.type: dos is not supported: a disk that boots with UEFI has a GPT',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/"\n[[customizations.disk.partitions]]\nmountpoint="/"',
      '4:1 customizations.disk.partitions[1].mountpoint: two file systems are mounted at /',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/srv"\nsize="1 GiB"\nfs_type="xfs"',
      '4:1 customizations.disk.partitions[0].fs_type: xfs is not supported on a disk image yet; use ext4',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/srv"\nsize="1 GiB"\nencryption={tpm2=true}',
      '4:1 customizations.disk.partitions[0].encryption: is not supported on a disk image yet; an installer makes it',
    ],
    [
      '[[customizations.disk.partitions]]\ntype="lvm"\nname="vg"',
      '2:1 customizations.disk.partitions[0].type: lvm is not supported on a disk image yet; an installer makes it',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/srv"\nsize=5\ngrow=true',
      '4:1 customizations.disk.partitions[0].grow: cannot be given together with size',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/srv"',
      '1:1 customizations.disk.partitions[0]: must say how large it is: give size, min or percent',
    ],
    [
      '[[customizations.disk.partitions]]\nmountpoint="/usr/local"\nsize=5',
      '2:1 customizations.disk.partitions[0].mountpoint: /usr belongs to the image or the system',
    ],
    [
      '[[customizations.user]]\nname="a"\nkey="nothing"',
      '3:1 customizations.user[0].key: must hold public keys, one a line',
    ],
  ])('%s', (text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  test('is said where nobody could open what an installer encrypts', () => {
    const text =
      '[[customizations.disk.partitions]]\nmountpoint="/srv"\nsize="1 GiB"\nencryption={recovery_key=true}\n';
    expect(problems(text, 'toml', 'installer')).toEqual([
      '4:1 customizations.disk.partitions[0].encryption: needs a passphrase, tpm2 = true, or both',
    ]);
    expect(problems(text.replace('recovery_key', 'tpm2'), 'toml', 'installer')).toEqual([]);
  });

  test('is said where the boot partition is to be on a disk that is not used', () => {
    const text = '[customizations.disk]\ndrives=["vd[a]", "nvme?n1"]\nboot_drive="vda"\n';
    const said = '3:1 customizations.disk.boot_drive: is none of drives: an installer does not use that disk';
    expect(problems(text, 'toml', 'installer')).toEqual([said]);
    expect(problems(text.replace('"vda"', '"/dev/nvme0n1"'), 'toml', 'installer')).toEqual([]);
    // Only the machine knows what a link leads to.
    expect(problems(text.replace('"vda"', '"/dev/disk/by-id/x"'), 'toml', 'installer')).toEqual([]);
    expect(problems('[customizations.disk]\nboot_drive="vda"\n')).toEqual([
      '2:1 customizations.disk.boot_drive: is for installers: a disk image is one disk',
    ]);
  });

  test('is no problem where an installer can do it', () => {
    const text =
      '[[customizations.disk.partitions]]\ntype="lvm"\nname="vg"\nmin="5 GiB"\ngrow=true\n[[customizations.disk.partitions.logical_volumes]]\nname="root"\nmountpoint="/"\npercent=50\nencryption={}\n';
    expect(problems(text.replace('encryption={}\n', ''), 'toml', 'installer')).toEqual([]);
    expect(problems(text, 'toml', 'installer')[0]).toMatch(/there is no field 'encryption' here/);
  });
});

describe('places', () => {
  test('of everything TOML can hold are found', () => {
    const text = `# comment [x]
"quoted.key" = 1
a.b . c = [ 1, # [
  "x]", '''
]''', { d = "}", e = [ ] } ]
[t."u\\u00e9"]
x = """
y = 2
\\""""""
y = 1979-05-27T07:32:00Z
[[l]]
[[l.m]]
z = 1
[[l]]
[[l.m]]
[[l.m]]
z = 2
`;
    const index = tomlPositions(text);
    const value = parse(text);
    const missing = pathsOf(value, []).filter((path) => !index.has(path));
    expect(missing).toEqual([]);
    expect(index.find(['a', 'b', 'c', 3, 'e'])).toEqual({ line: 5, column: 18 });
    expect(index.find(['t', 'ué', 'y'])).toEqual({ line: 10, column: 1 });
    expect(index.find(['l', 1, 'm', 1, 'z'])).toEqual({ line: 17, column: 1 });
  });

  test('of any JSON are found, and the value is that of JSON.parse', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), undefined, indent);
        const read = readJson(text);
        if (read.kind === 'error') throw new Error(read.message);
        expect(JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(text)));
        expect(pathsOf(read.value, []).filter((path) => !read.positions.has(path))).toEqual([]);
      }),
    );
  });

  test('are looked for in texts that are nonsense, without harm', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'[]{}=.,"\'\\\n# ab1'.split('')) })),
        (text) => {
          tomlPositions(text);
          expect(['config', 'problems']).toContain(parseConfig(text, 'toml', 'disk').kind);
          expect(['config', 'problems']).toContain(parseConfig(text, 'json', 'disk').kind);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function pathsOf(
  value: unknown,
  path: readonly (string | number)[],
): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  const children: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((each, index) => [index, each] as const)
    : Object.entries(value);
  return children.flatMap(([key, child]) => [[...path, key], ...pathsOf(child, [...path, key])]);
}
