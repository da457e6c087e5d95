import { explain } from '../rollout/explain.ts';
import type { Explanation } from '../rollout/types/decision.ts';
import { type HttpAnswer, refusal } from './http.ts';

/** Devices that share a number of slots: so many may restart at once. */
export interface LockGroup {
  readonly name: string;
  readonly slots: number;
  /** A lock nobody renewed or gave back for so long is taken away: its holder is dead. */
  readonly ttlMs: number;
}

/** One slot that is taken. */
export interface RebootLock {
  readonly group: string;
  /** What the client calls itself; for Zincati an application-specific machine id. */
  readonly id: string;
  readonly acquiredMs: number;
  readonly expiresMs: number;
  /** Whom the id belongs to, as far as the server knows: a device. */
  readonly owner?: string;
  readonly reason: string;
}

/** What happened to a lock, for the audit log. */
export interface LockEvent {
  readonly kind: 'acquired' | 'renewed' | 'released' | 'expired' | 'refused';
  readonly group: string;
  readonly id: string;
  readonly atMs: number;
  readonly reason: string;
}

export interface FleetLockRequest {
  readonly api: 'pre-reboot' | 'steady-state';
  /** Value of the header `fleet-lock-protocol`. */
  readonly protocolHeader: string | undefined;
  /** Whatever its content type says. */
  readonly body: string;
}

export interface FleetLockState {
  readonly groups: readonly LockGroup[];
  readonly locks: readonly RebootLock[];
  readonly nowMs: number;
  /** What the rollout engine has against a restart of this client now. */
  readonly hold?: (id: string, group: string) => Explanation | undefined;
  readonly ownerOf?: (id: string) => string | undefined;
}

export interface FleetLockResult {
  readonly answer: HttpAnswer;
  /** All locks as they are now; the very ones given when nothing changed. */
  readonly locks: readonly RebootLock[];
  readonly events: readonly LockEvent[];
}

/** Bodies are about a hundred bytes. */
const MAX_BODY_CHARACTERS = 4096;
const ID = /^[\x21-\x7e]{1,256}$/;
const GROUP = /^[a-zA-Z0-9.-]{1,128}$/;

/**
 * Answers a request of FleetLock, version 1: `POST …/v1/pre-reboot` takes a slot, again when it is held already; `POST …/v1/steady-state`
 * gives it back, if it is held. Besides slots, whatever holds a device back in a rollout holds its restart back.
 */
export function answerFleetLock(request: FleetLockRequest, state: FleetLockState): FleetLockResult {
  const identity = fleetLockIdentity(request);
  if ('answer' in identity) return { answer: identity.answer, locks: state.locks, events: [] };
  const group = state.groups.find(({ name }) => name === identity.group);
  if (group === undefined) {
    const answer = refusal(400, 'unknown_group', `there is no group ${identity.group}`);
    return { answer, locks: state.locks, events: [] };
  }
  const reaped = reapLocks(state.locks, state.nowMs);
  const result =
    request.api === 'pre-reboot'
      ? acquire(reaped.locks, group, identity.id, state)
      : release(reaped.locks, group, identity.id, state.nowMs);
  return { ...result, events: [...reaped.events, ...result.events] };
}

/** Takes locks away whose time is up. */
export function reapLocks(
  locks: readonly RebootLock[],
  nowMs: number,
): { readonly locks: readonly RebootLock[]; readonly events: readonly LockEvent[] } {
  const dead = locks.filter(({ expiresMs }) => expiresMs <= nowMs);
  if (dead.length === 0) return { locks, events: [] };
  return {
    locks: locks.filter(({ expiresMs }) => expiresMs > nowMs),
    events: dead.map(({ group, id }) => ({
      kind: 'expired',
      group,
      id,
      atMs: nowMs,
      reason: 'nobody renewed it or gave it back in time',
    })),
  };
}

const OK: HttpAnswer = { status: 200, headers: {}, body: '' };

function acquire(
  locks: readonly RebootLock[],
  group: LockGroup,
  id: string,
  { nowMs, hold, ownerOf }: FleetLockState,
): FleetLockResult {
  const event = (kind: LockEvent['kind'], reason: string): LockEvent => ({
    kind,
    group: group.name,
    id,
    atMs: nowMs,
    reason,
  });
  const expiresMs = nowMs + group.ttlMs;
  const held = locks.find((lock) => lock.group === group.name && lock.id === id);
  if (held !== undefined) {
    const renewed = locks.map((lock) => (lock === held ? { ...held, expiresMs } : lock));
    return { answer: OK, locks: renewed, events: [event('renewed', 'asked again')] };
  }
  const holders = locks.filter((lock) => lock.group === group.name);
  if (holders.length >= group.slots) {
    const value = `all ${group.slots} slots of group ${group.name} are locked, by ${holders.map((each) => each.owner ?? each.id).join(', ')}`;
    const answer = refusal(503, 'failed_lock_semaphore_full', value);
    return { answer, locks, events: [event('refused', value)] };
  }
  const why = hold?.(id, group.name);
  if (why !== undefined) {
    const value = explain(why);
    const answer = refusal(503, `held_${why.code.replaceAll('-', '_')}`, value);
    return { answer, locks, events: [event('refused', value)] };
  }
  const owner = ownerOf?.(id);
  const reason = 'restarts into an update';
  const lock: RebootLock = {
    group: group.name,
    id,
    acquiredMs: nowMs,
    expiresMs,
    reason,
    ...(owner === undefined ? {} : { owner }),
  };
  return { answer: OK, locks: [...locks, lock], events: [event('acquired', reason)] };
}

function release(locks: readonly RebootLock[], group: LockGroup, id: string, nowMs: number): FleetLockResult {
  const left = locks.filter((lock) => lock.group !== group.name || lock.id !== id);
  if (left.length === locks.length) return { answer: OK, locks, events: [] };
  const event: LockEvent = {
    kind: 'released',
    group: group.name,
    id,
    atMs: nowMs,
    reason: 'runs steadily again',
  };
  return { answer: OK, locks: left, events: [event] };
}

/** Who asks; a refusal where that cannot be told. */
export function fleetLockIdentity({
  protocolHeader,
  body,
}: Omit<FleetLockRequest, 'api'>):
  | { readonly id: string; readonly group: string }
  | { readonly answer: HttpAnswer } {
  const refuse = (why: string) => ({ answer: refusal(400, 'invalid_client_identity', why) });
  if (protocolHeader !== 'true') return refuse('the header fleet-lock-protocol must be true');
  if (body.length > MAX_BODY_CHARACTERS) return refuse('the body is too long');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return refuse('the body is not JSON');
  }
  const parameters = (
    parsed as { readonly client_params?: { readonly id?: unknown; readonly group?: unknown } } | null
  )?.client_params;
  const { id, group } = parameters ?? {};
  if (typeof id !== 'string' || !ID.test(id))
    return refuse('client_params.id must be 1 to 256 visible characters');
  if (typeof group !== 'string' || !GROUP.test(group)) {
    return refuse('client_params.group must be letters, digits, "." and "-"');
  }
  return { id, group };
}
