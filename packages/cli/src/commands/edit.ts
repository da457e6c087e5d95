import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeTempDir, messageOf, type Operation, run, SlipwayError } from '@slipway/core';
import {
  type BootcHost,
  hostStatus,
  planSpecEdit,
  referenceOf,
  rollback,
  runningSystem,
  stageUpdate,
} from '@slipway/host';
import { openImage } from '@slipway/oci';
import { parse, stringify } from 'yaml';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { rollbackWords, stageWords } from '../render/staged.ts';

interface EditInput {
  readonly filename: string | undefined;
  readonly json: boolean;
}

const DOCUMENT_LIMIT_CHARACTERS = 2 ** 20;

/** `slipway edit`. */
export async function edit(input: EditInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const system = runningSystem();
  const host = await hostStatus(system);
  requireHost(host);
  const plan = planSpecEdit(host.spec, parseDocument(await newDocument(input, host, operation)));
  if (plan.kind === 'unchanged') {
    emit(context, input, plan, () => ['Nothing was changed.']);
    return 0;
  }
  if (plan.kind === 'rollback') {
    emit(context, input, await rollback(system, operation), (done) => rollbackWords(done, false));
    return 0;
  }
  const reference = referenceOf(plan.image);
  await using source = openImage(reference);
  const result = await stageUpdate(system, { source, reference, command: 'slipway edit' }, operation);
  emit(context, input, result, (staged) => stageWords(staged, 'ours', false));
  return result.kind === 'denied' ? 1 : 0;
}

function requireHost({ status }: BootcHost): void {
  if (status.booted !== null) return;
  throw new SlipwayError(
    'NOT_A_SLIPWAY_HOST',
    'cannot edit: this machine was not booted from a Slipway deployment',
  );
}

async function newDocument({ filename }: EditInput, host: BootcHost, operation: Operation): Promise<string> {
  if (filename === '-') return await text(process.stdin);
  if (filename !== undefined) return await readDocument(filename);
  await using dir = await makeTempDir('edit');
  const path = join(dir.path, 'host.yaml');
  const { apiVersion, kind, metadata, spec } = host;
  await writeFile(path, stringify({ apiVersion, kind, metadata, spec }), { mode: 0o600 });
  await runEditor(path, operation);
  return await readDocument(path);
}

/** Its output goes to the terminal, which a captured one would not. The editor may have arguments, as git takes it. */
async function runEditor(path: string, { signal, log }: Operation): Promise<void> {
  const script = 'exec ${VISUAL:-${EDITOR:-editor}} "$1" </dev/tty >/dev/tty 2>&1';
  await run(['sh', '-c', script, 'edit', path], { describe: 'edit the document', signal, log });
}

async function readDocument(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

function parseDocument(document: string): unknown {
  try {
    if (document.length > DOCUMENT_LIMIT_CHARACTERS) throw new Error('it is too long');
    return parse(document, { maxAliasCount: 10 });
  } catch (cause) {
    const reason = messageOf(cause).split('\n')[0] ?? '';
    throw new SlipwayError('SPEC_INVALID', `cannot read the document: ${reason}`, { cause });
  }
}
