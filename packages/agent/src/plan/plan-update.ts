import type { ImageRef } from '@slipway/fleet-api';
import type { ObservedHost, Situation, UpdateRecord } from './situation.ts';
import type { Step } from './step.ts';

const WAIT: Step = { kind: 'wait', untilMs: null };
/** Tries to bring an image before the update counts as failed. */
const MAX_ATTEMPTS = 6;

interface Order extends Situation {
  readonly image: ImageRef | null;
  readonly update: UpdateRecord;
}

/** What is to be done about the image. */
export function planUpdate(situation: Situation): Step {
  const { desired, record } = situation;
  const { update } = record;
  if (update !== null && isRestarting(update)) return prove({ ...situation, image: update.image, update });
  if (desired.action === 'hold') return WAIT;
  if (desired.action === 'none' || desired.updateId === null) return withdraw(situation);
  if (update === null || update.updateId !== desired.updateId) {
    return { kind: 'begin', updateId: desired.updateId, image: desired.image };
  }
  if (update.phase === 'failed' || update.phase === 'succeeded') return WAIT;
  const order: Order = { ...situation, image: desired.image, update };
  if (isThere(order)) return { kind: 'note', phase: 'verifying' };
  if (desired.action === 'rollback') return { kind: 'go-back', image: desired.image };
  return desired.image === null ? WAIT : bring(order, desired.image);
}

/** A restart was asked for: whatever is wanted now, first comes out what it led to. */
function isRestarting({ phase }: UpdateRecord): boolean {
  return phase === 'rebooting' || phase === 'rolling-back' || phase === 'verifying';
}

/** The order was taken back: what it staged goes, what it was is forgotten. */
function withdraw({ host, record: { update } }: Situation): Step {
  if (update === null || update.phase === 'succeeded' || update.phase === 'failed') return WAIT;
  const isStaged = update.image !== null && host.image.staged?.digest === update.image.digest;
  return isStaged ? { kind: 'unstage' } : { kind: 'clear' };
}

/** Without a digest, to be back is to run something else than before. */
function isThere({ image, host, update }: Order): boolean {
  const booted = host.image.booted?.digest ?? null;
  return image === null ? booted !== null && booted !== update.fromDigest : booted === image.digest;
}

function bring(order: Order, image: ImageRef): Step {
  const { desired, host, update, nowMs } = order;
  if (desired.denied.includes(image.digest)) {
    return fail('the image failed on this host before');
  }
  if (host.image.staged?.digest !== image.digest) return stage(order, image);
  if (desired.action === 'download') {
    return update.phase === 'staged' ? WAIT : { kind: 'note', phase: 'staged' };
  }
  const opensMs = desired.notBefore === null ? 0 : Date.parse(desired.notBefore);
  if (opensMs <= nowMs) return { kind: 'reboot', image };
  return update.phase === 'waiting' ? { kind: 'wait', untilMs: opensMs } : { kind: 'note', phase: 'waiting' };
}

function stage({ desired, update, nowMs }: Order, image: ImageRef): Step {
  const { attempts, failure, retryAtMs } = update;
  if (attempts >= MAX_ATTEMPTS) {
    return failure === null
      ? fail('the image could not be brought')
      : { kind: 'note', phase: 'failed', failure };
  }
  if (retryAtMs > nowMs) return { kind: 'wait', untilMs: retryAtMs };
  return { kind: 'stage', image, bytesPerSecond: desired.downloadBytesPerSecond };
}

/** What became of a restart: success takes the digest, good health, and time in which both stay. */
function prove(order: Order): Step {
  const { host, update, image } = order;
  if (isThere(order)) {
    if (update.phase !== 'verifying') return { kind: 'note', phase: 'verifying' };
    return proveHealth(order);
  }
  if (update.phase === 'verifying') return cameBack(order);
  const isStaged = image !== null && host.image.staged?.digest === image.digest;
  const hasRestarted = update.restartedIn !== null && update.restartedIn !== host.bootId;
  // A power cut before the shutdown finished it: what is staged still waits.
  if (hasRestarted && !(isStaged && update.phase === 'rebooting' && host.fallback === null)) {
    return cameBack(order);
  }
  if (update.phase === 'rolling-back') return { kind: 'go-back', image };
  if (image !== null && isStaged) return { kind: 'reboot', image };
  return fail('what was staged is gone');
}

function proveHealth({ desired, host, update, nowMs }: Order): Step {
  const { state } = host.health;
  if (state === 'failed') return { kind: 'note', phase: 'failed', failure: healthFailure(host) };
  if (state !== 'healthy') {
    return update.healthySinceMs === null ? WAIT : { kind: 'note-health', healthySinceMs: null };
  }
  if (update.healthySinceMs === null) return { kind: 'note-health', healthySinceMs: nowMs };
  const stableMs = update.healthySinceMs + desired.stableSeconds * 1000;
  return nowMs >= stableMs ? { kind: 'note', phase: 'succeeded' } : { kind: 'wait', untilMs: stableMs };
}

function healthFailure({ health }: ObservedHost): { readonly code: string; readonly message: string } {
  const failed = health.checks.filter((check) => check.state === 'failed');
  const names = failed.map(({ name, message }) => (message === undefined ? name : `${name}: ${message}`));
  return {
    code: 'HEALTH_CHECK_FAILED',
    message: names.length === 0 ? 'the host is not healthy' : `failed: ${names.join(', ')}`.slice(0, 2000),
  };
}

function cameBack({ host, image }: Order): Step {
  const { fallback } = host;
  if (fallback !== null && fallback.digest === image?.digest) {
    return { kind: 'note', phase: 'failed', failure: fallback.failure };
  }
  const booted = host.image.booted?.digest ?? 'something that is no image';
  return fail(`the host restarted into ${booted} instead`);
}

function fail(message: string): Step {
  return { kind: 'note', phase: 'failed', failure: { code: 'UPDATE_FAILED', message } };
}
