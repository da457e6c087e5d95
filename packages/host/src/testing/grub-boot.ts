/** Hosts that GRUB starts: it sees its menu and its environment block, nothing else. tests/grub-vm.test.ts has the real one. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { grubFiles, readBootEntries } from '@slipway/boot';
import { pathExists } from '../directory.ts';
import { bootByHand, partsOf, type TestHost } from './test-host.ts';

/** Puts GRUB on the boot partition of a host, as an installer does. */
export async function installGrub(directory: string): Promise<void> {
  const { esp } = partsOf(directory);
  const { entries } = await readBootEntries(esp);
  for (const [path, bytes] of grubFiles(entries, { timeoutSeconds: 2 })) {
    await mkdir(dirname(join(esp, path)), { recursive: true });
    await writeFile(join(esp, path), bytes);
  }
}

interface MenuItem {
  readonly base: string;
  readonly linux: string;
  readonly deployment: string;
  readonly variable: string | undefined;
}

/** Starts what GRUB would: the first of its menu that has attempts left, counted in its environment block. */
export async function bootByGrub(directory: string): Promise<TestHost> {
  const { esp } = partsOf(directory);
  const menu = await readFile(join(esp, 'grub/entries.cfg'), 'utf8');
  const environment = await readFile(join(esp, 'grub/grubenv'), 'latin1');
  const counterOf = ({ variable }: MenuItem): readonly [left: number, done: number] | undefined => {
    if (variable === undefined) return undefined;
    const [, left, done] =
      new RegExp(`\n${variable}=(\\d+)-(\\d+)\n`).exec(environment) ??
      new RegExp(`set ${variable}=(\\d+)-(\\d+); fi\n`).exec(menu) ??
      [];
    return [Number(left), Number(done)];
  };
  const items = itemsOf(menu);
  const item = items.find((each) => counterOf(each)?.[0] !== 0) ?? items[0];
  if (item === undefined) throw new Error('nothing to boot');
  if (!(await pathExists(join(esp, item.linux)))) throw new Error(`GRUB misses ${item.linux}`);
  const counter = counterOf(item);
  const counted =
    counter === undefined ? '' : `${Math.max(0, counter[0] - 1)}-${counter[1] + Math.min(1, counter[0])}`;
  if (item.variable !== undefined) await saveVariable(esp, environment, item.variable, counted);
  const host = bootByHand(directory, item.deployment);
  const entry = `${item.base}${counted === '' ? '' : `+${counted}`}.conf`;
  return {
    ...host,
    commandLine: async () => `composefs=${item.deployment} slipway.entry=${entry} slipway.boot=1-2`,
  };
}

function itemsOf(menu: string): readonly MenuItem[] {
  const pattern = /^menuentry .* --id (?<base>\S+) \{\n(?<body>[^}]*)\n\}$/gm;
  return [...menu.matchAll(pattern)].map(({ groups }) => {
    const body = groups?.['body'] ?? '';
    return {
      base: groups?.['base'] ?? '',
      linux: /^linux '(?<path>[^']+)'/m.exec(body)?.groups?.['path'] ?? '',
      deployment: /'composefs=(?<id>[0-9a-f]+)'/.exec(body)?.groups?.['id'] ?? '',
      variable: / slipway\.entry=\S+\+\$(?<name>\w+)\.conf /.exec(body)?.groups?.['name'],
    };
  });
}

async function saveVariable(esp: string, environment: string, name: string, value: string): Promise<void> {
  const lines = environment.split('\n').filter((line) => !/^#*$/.test(line) && !line.startsWith(`${name}=`));
  const text = [...lines, `${name}=${value}`, ''].join('\n');
  await writeFile(join(esp, 'grub/grubenv'), text.padEnd(1024, '#'), 'latin1');
}
