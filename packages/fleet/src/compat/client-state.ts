import type { Queries } from '../database/database.ts';
import type { ClientStateRow } from '../database/tables.ts';
import type { DeviceReport } from '../rollout/types/device.ts';
import type { OmahaProgress } from './omaha/format.ts';

/** How far the last update of a client came. `interrupted`: it tries again by itself. */
type ClientPhase = 'downloading' | 'interrupted' | 'installed' | 'updated' | 'failed' | 'rolled-back';

/** What a client said, as it is kept: the last of it, once for each device. */
export interface ClientState {
  readonly architecture: string;
  /** Of the release whose version it says it runs. */
  readonly bootedDigest: string | undefined;
  readonly progress: OmahaProgress | undefined;
  /** The order the device has. */
  readonly updateId: string | undefined;
}

/**
 * From here on an error is the status of an answer of HTTP, 2000 more, ours when it has too much to do among them: it says nothing of the
 * image, and the client goes on trying. One that never gets through is late, which counts.
 */
const FIRST_HTTP_ERROR = 2000;

const PHASES: Readonly<Record<Exclude<OmahaProgress['kind'], 'failed'>, ClientPhase>> = {
  'download-started': 'downloading',
  'download-finished': 'downloading',
  installed: 'installed',
  updated: 'updated',
  'rolled-back': 'rolled-back',
};

/** Writes what a client said over what it said before. What is no news is not written. */
export async function saveClientState(
  transaction: Queries,
  device: string,
  { architecture, bootedDigest, progress, updateId }: ClientState,
): Promise<void> {
  const before = await loadClientState(transaction, device);
  const said: Omit<ClientStateRow, 'device'> = {
    architecture,
    booted_digest: bootedDigest ?? null,
    phase: before?.phase ?? null,
    error_code: before?.error_code ?? null,
    update_id: before?.update_id ?? null,
    ...(progress === undefined ? {} : { ...progressColumns(progress), update_id: updateId ?? null }),
  };
  const isNews = Object.entries(said).some(([name, value]) => before?.[name as keyof typeof said] !== value);
  if (!isNews) return;
  await transaction
    .insertInto('client_states')
    .values({ device, ...said })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(said))
    .execute();
}

export async function loadClientState(queries: Queries, device: string): Promise<ClientStateRow | undefined> {
  return await queries
    .selectFrom('client_states')
    .selectAll()
    .where('device', '=', device)
    .executeTakeFirst();
}

function progressColumns(progress: OmahaProgress): Pick<ClientStateRow, 'phase' | 'error_code'> {
  if (progress.kind !== 'failed') return { phase: PHASES[progress.kind], error_code: null };
  const { errorCode } = progress;
  return { phase: errorCode >= FIRST_HTTP_ERROR ? 'interrupted' : 'failed', error_code: errorCode };
}

/** Whether a client said that the order it has went wrong. */
export function hasFailed(state: ClientStateRow | undefined, updateId: string | undefined): boolean {
  const isWrong = state?.phase === 'failed' || state?.phase === 'rolled-back';
  return isWrong && state.update_id !== null && state.update_id === updateId;
}

/** What a device says by its client about an order, as the engine has it. That it was updated is seen by what it runs. */
export function clientReport(
  key: string,
  phase: string | null,
  errorCode: number | null,
): DeviceReport | undefined {
  if (phase === 'downloading' || phase === 'interrupted') return { key, phase: 'downloading' };
  if (phase === 'installed') return { key, phase: 'staged' };
  if (phase === 'failed') return { key, phase, message: `its client reports the error ${errorCode ?? 0}` };
  if (phase === 'rolled-back')
    return { key, phase, message: 'its client found the old version running again' };
  return undefined;
}
