import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { newestSuiteDate, suiteDatesCommand, type TreePlan, treeCommand } from './mmdebstrap.ts';
import { baseRecipe } from './recipe.ts';

const mirror = { main: 'http://mirror.example/debian', security: 'http://mirror.example/security' };

function plan(changes: Partial<TreePlan> = {}): TreePlan {
  return {
    recipe: baseRecipe('trixie'),
    apt: { mirror: undefined, options: ['Acquire::http::Proxy "http://proxy.example";'] },
    packages: ['nano'],
    dpkgOptions: ['path-exclude=/usr/share/man/*'],
    overlayArchive: "/tmp/it's/overlay.tar",
    customize: 'echo "$1"\n',
    cacheDir: undefined,
    output: '/tmp/tree.tar',
    ...changes,
  };
}

function includes(command: readonly string[]): readonly string[] {
  return (
    command
      .find((word) => word.startsWith('--include='))
      ?.slice('--include='.length)
      .split(',') ?? []
  );
}

describe('the command that makes a tree', () => {
  test('leaves the mirror to mmdebstrap where the machine names none', () => {
    const command = treeCommand(plan());

    expect(command.slice(-2)).toEqual(['trixie', '/tmp/tree.tar']);
    expect(command.filter((word) => word.startsWith('--aptopt='))).toEqual([
      '--aptopt=Acquire::Retries "3";',
      '--aptopt=Acquire::http::Proxy "http://proxy.example";',
    ]);
    expect(command).toContain('--dpkgopt=path-exclude=/usr/share/man/*');
    expect(includes(command)).toEqual(
      expect.arrayContaining(['nano', 'systemd', 'dracut', 'linux-image-amd64']),
    );
  });

  test('takes every suite from the mirror of the machine', () => {
    const command = treeCommand(plan({ apt: { mirror, options: [] } }));

    expect(command.slice(-3)).toEqual([
      'deb http://mirror.example/debian trixie main',
      'deb http://mirror.example/debian trixie-updates main',
      'deb http://mirror.example/security trixie-security main',
    ]);
  });

  test('takes the kernel of bookworm from backports, with a mirror and without', () => {
    const recipe = baseRecipe('bookworm');
    const named = treeCommand(plan({ recipe, apt: { mirror, options: [] } }));
    const unnamed = treeCommand(plan({ recipe }));

    expect(includes(named)).toContain('linux-image-amd64/bookworm-backports');
    expect(includes(named)).not.toContain('linux-image-amd64');
    expect(named.at(-1)).toBe('deb http://mirror.example/debian bookworm-backports main');
    expect(unnamed.filter((word) => word.startsWith('--setup-hook='))).toHaveLength(1);
  });

  test('quotes paths for the shell that runs the hooks', () => {
    const hook = treeCommand(plan()).find((word) => word.includes('tar-in')) ?? '';
    const words = hook.replace('--customize-hook=tar-in', 'printf %s');

    expect(execFileSync('sh', ['-c', words], { encoding: 'utf8' })).toBe("/tmp/it's/overlay.tar/");
  });

  test('keeps packages in a cache only when there is one', () => {
    const words = treeCommand(plan({ cacheDir: '/var/cache/x' })).join('\n');

    expect(words).toContain("sync-in '/var/cache/x'");
    expect(treeCommand(plan()).join('\n')).not.toContain('sync-in');
  });
});

describe('when the inputs last changed', () => {
  test('is the newest publication of any suite', () => {
    const output = [
      'I: running apt-get update...',
      'Date: Thu, 19 Nov 2026 02:12:54 UTC',
      'Date: Sat, 12 Sep 2026 07:55:41 UTC',
    ].join('\n');

    expect(newestSuiteDate(output)).toBe(Date.UTC(2026, 10, 19, 2, 12, 54) / 1000);
  });

  test('is unknown when no suite says', () => {
    expect(newestSuiteDate('Date: soon\n')).toBeUndefined();
    expect(suiteDatesCommand(plan())).toContain('--format=null');
  });
});
