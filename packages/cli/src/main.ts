#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';

// From sources only: the compiled form of every module is kept in the checkout, which halves the start. Never in the
// shared temporary directory, where another user could leave code for root to run.
const script = process.argv[1] ?? '';
if (script.endsWith('.ts')) {
  enableCompileCache(join(dirname(script), '..', '..', '..', '.cache', 'compile'));
}

// Loaded after the cache is on. No await at the top: the single executable is one script, not a module.
void Promise.all([import('./process.ts'), import('./command/table.ts')]).then(
  ([{ runProcess }, { COMMAND_TABLE }]) => runProcess(COMMAND_TABLE),
);
