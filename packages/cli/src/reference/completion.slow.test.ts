import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { COMMAND_TABLE } from '../command/table.ts';
import { completionScript } from './completion.ts';

const BASH = completionScript('bash', COMMAND_TABLE, 'slipway');

/** What bash offers for the last of the words, which are given as bash itself takes a line apart. */
function offered(words: readonly string[], directory = '/'): readonly string[] {
  const script = `${BASH}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  return result.stdout.split('\n').filter((line) => line !== '');
}

const DISK_TYPES = ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'ami', 'gce', 'ova', 'iso', 'pxe'];

describe('bash', () => {
  test.each([
    ['commands', ['slipway', 'up'], ['upgrade', 'update']],
    ['a group', ['slipway', 'base', ''], ['build']],
    ['options', ['slipway', 'image', '--ty'], ['--type']],
    ['options of an alias', ['slipway', 'update', '--ch'], ['--check']],
    ['choices', ['slipway', 'image', '--type', ''], DISK_TYPES],
    ['choices after an equals sign', ['slipway', 'image', '--type', '=', 'q'], ['qcow2']],
    ['choices right at the equals sign', ['slipway', 'image', '--type', '='], DISK_TYPES],
    ['choices of an argument', ['slipway', 'completion', ''], ['bash', 'zsh', 'fish']],
    ['after a global option', ['slipway', '--quiet', 'roll'], ['rollback']],
    ['after a global option with a value', ['slipway', '--progress', 'plain', 'roll'], ['rollback']],
    ['a value that is the name of a command', ['slipway', 'build', '-t', 'image', '--tool', 'p'], ['podman']],
    ['nothing where nothing is known', ['slipway', 'switch', 'reg'], []],
    ['nothing after the last argument', ['slipway', 'completion', 'bash', ''], []],
    ['no hidden command', ['slipway', 'int'], []],
  ])('%s', (_what, words, expected) => {
    expect(offered(words)).toEqual(expected);
  });

  test('directories and files', () => {
    expect(offered(['slipway', 'image', 'x', '-o', 'us'])).toEqual(['usr']);
    expect(offered(['slipway', 'run', 'passw'], '/etc')).toContain('passwd');
  });

  test('registers itself', () => {
    const result = spawnSync('bash', ['--norc', '-c', `${BASH}\ncomplete -p slipway`], { encoding: 'utf8' });
    expect(result.stdout).toBe('complete -F _slipway slipway\n');
  });

  test('serves bootc under its own name', () => {
    expect(completionScript('bash', COMMAND_TABLE, 'bootc')).toContain('complete -F _bootc bootc');
  });
});

const OTHERS = (['zsh', 'fish'] as const).filter((shell) => spawnSync(shell, ['--version']).status === 0);

test(`every shell here reads its script (${['bash', ...OTHERS].join(', ')})`, async () => {
  await using dir = await makeTempDir('completion');
  for (const shell of ['bash', ...OTHERS] as const) {
    const script = completionScript(shell, COMMAND_TABLE, 'slipway');
    const path = join(dir.path, shell);
    await writeFile(path, script);
    const result = spawnSync(shell, ['-n', path], { encoding: 'utf8' });
    expect(result).toMatchObject({ status: 0, stderr: '' });
  }
});
