import type { DesiredState, ImageRef } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { planStep } from './plan-step.ts';
import {
  type AgentRecord,
  EMPTY_RECORD,
  type ObservedHost,
  type Situation,
  type UpdateRecord,
} from './situation.ts';

function image(letter: string): ImageRef {
  return { reference: `r.example/os:${letter}`, digest: `sha256:${letter.repeat(64)}` };
}

const [A, B] = [image('a'), image('b')];
const NOW_MS = 1_000_000;

const HOST: ObservedHost = {
  bootId: 'boot-1',
  image: { booted: A, staged: null, rollback: null },
  health: { state: 'healthy', checks: [] },
  configDigest: null,
  fallback: null,
  about: { agentVersion: '1', architecture: 'amd64', facts: {} },
};

const DESIRED: DesiredState = {
  action: 'apply',
  updateId: 'spring/1',
  release: 'b',
  image: B,
  notBefore: null,
  deadline: null,
  downloadBytesPerSecond: null,
  stableSeconds: 60,
  denied: [],
  config: { digest: null, files: [], apps: [], trySeconds: null },
  decommission: false,
};

const UPDATE: UpdateRecord = {
  updateId: 'spring/1',
  image: B,
  phase: 'waiting',
  sinceMs: 0,
  fromDigest: A.digest,
  restartedIn: null,
  attempts: 0,
  retryAtMs: 0,
  healthySinceMs: null,
  failure: null,
};

interface Given {
  readonly desired?: Partial<DesiredState>;
  readonly host?: Partial<ObservedHost>;
  readonly update?: Partial<UpdateRecord> | null;
  readonly record?: Partial<AgentRecord>;
  readonly heardMs?: number;
}

function situation({ desired, host, update, record, heardMs }: Given): Situation {
  const kept = update === null ? null : { ...UPDATE, ...update };
  return {
    desired: { ...DESIRED, ...desired },
    host: { ...HOST, ...host },
    record: { ...EMPTY_RECORD, update: kept, ...record },
    nowMs: NOW_MS,
    heardMs: heardMs ?? null,
  };
}

const STAGED: Partial<ObservedHost> = { image: { booted: A, staged: B, rollback: null } };
const BOOTED: Partial<ObservedHost> = { bootId: 'boot-2', image: { booted: B, staged: null, rollback: A } };
const REBOOTED: Partial<ObservedHost> = { bootId: 'boot-2' };
const REBOOTING: Partial<UpdateRecord> = { phase: 'rebooting', restartedIn: 'boot-1' };
const WAIT = { kind: 'wait', untilMs: null };
const CONFIG = { digest: `sha256:${'c'.repeat(64)}`, files: [], apps: [], trySeconds: 30 };
const TRIAL = { digest: CONFIG.digest, sinceMs: NOW_MS - 10_000, untilMs: NOW_MS + 20_000 };
const FAILURE = { code: 'HEALTH_CHECK_FAILED', message: 'the shop does not answer' };

describe('an update', () => {
  test.each<[string, Given, object]>([
    ['begins with an order', { update: null }, { kind: 'begin', updateId: 'spring/1', image: B }],
    [
      'begins anew with another order',
      { update: { updateId: 'old' } },
      { kind: 'begin', updateId: 'spring/1' },
    ],
    ['is staged', {}, { kind: 'stage', image: B }],
    [
      'keeps to its bandwidth',
      { desired: { downloadBytesPerSecond: 9 } },
      { kind: 'stage', bytesPerSecond: 9 },
    ],
    ['tries again when it is time', { update: { attempts: 1, retryAtMs: NOW_MS } }, { kind: 'stage' }],
    [
      'waits before it tries again',
      { update: { attempts: 1, retryAtMs: NOW_MS + 5 } },
      { kind: 'wait', untilMs: NOW_MS + 5 },
    ],
    [
      'fails after six tries',
      { update: { attempts: 6, failure: FAILURE } },
      { kind: 'note', phase: 'failed', failure: FAILURE },
    ],
    [
      'is not brought when it failed here before',
      { desired: { denied: [B.digest] } },
      { kind: 'note', phase: 'failed' },
    ],
    ['restarts into what is staged', { host: STAGED }, { kind: 'reboot', image: B }],
    [
      'tells that it is staged',
      { host: STAGED, desired: { action: 'download' } },
      { kind: 'note', phase: 'staged' },
    ],
    [
      'waits when it is only to be downloaded',
      { host: STAGED, desired: { action: 'download' }, update: { phase: 'staged' } },
      WAIT,
    ],
    [
      'tells that it waits for its window',
      {
        host: STAGED,
        desired: { notBefore: new Date(NOW_MS + 9000).toISOString() },
        update: { phase: 'staged' },
      },
      { kind: 'note', phase: 'waiting' },
    ],
    [
      'waits for its window',
      { host: STAGED, desired: { notBefore: new Date(NOW_MS + 9000).toISOString() } },
      { kind: 'wait', untilMs: NOW_MS + 9000 },
    ],
    ['does nothing new while held', { desired: { action: 'hold' } }, WAIT],
    ['is taken back', { host: STAGED, desired: { action: 'none', updateId: null } }, { kind: 'unstage' }],
    [
      'is forgotten when nothing came of it',
      { desired: { action: 'none', updateId: null } },
      { kind: 'clear' },
    ],
    ['is left alone when it is over', { update: { phase: 'failed' } }, WAIT],
    ['is proved where the image runs already', { host: BOOTED }, { kind: 'note', phase: 'verifying' }],
  ])('%s', (_what, given, step) => expect(planStep(situation(given))).toMatchObject(step));
});

describe('after a restart', () => {
  const verifying = (more: Partial<UpdateRecord> = {}): Given => ({
    host: BOOTED,
    update: { ...REBOOTING, phase: 'verifying', ...more },
  });

  test.each<[string, Given, object]>([
    [
      'the image runs: it is proved',
      { host: BOOTED, update: REBOOTING },
      { kind: 'note', phase: 'verifying' },
    ],
    ['health is good: time begins', verifying(), { kind: 'note-health', healthySinceMs: NOW_MS }],
    [
      'time is not over',
      verifying({ healthySinceMs: NOW_MS - 1000 }),
      { kind: 'wait', untilMs: NOW_MS + 59_000 },
    ],
    [
      'digest, health and time agree',
      verifying({ healthySinceMs: NOW_MS - 60_000 }),
      { kind: 'note', phase: 'succeeded' },
    ],
    [
      'health is not known yet',
      { ...verifying(), host: { ...BOOTED, health: { state: 'unknown', checks: [] } } },
      WAIT,
    ],
    [
      'health was good and is not known any more: time starts over',
      { ...verifying({ healthySinceMs: 1 }), host: { ...BOOTED, health: { state: 'unknown', checks: [] } } },
      { kind: 'note-health', healthySinceMs: null },
    ],
    [
      'health is bad',
      {
        ...verifying(),
        host: { ...BOOTED, health: { state: 'failed', checks: [{ name: 'shop', state: 'failed' }] } },
      },
      { kind: 'note', phase: 'failed', failure: { code: 'HEALTH_CHECK_FAILED', message: 'failed: shop' } },
    ],
    [
      'the host went back by itself',
      { host: { ...REBOOTED, fallback: { digest: B.digest, failure: FAILURE } }, update: REBOOTING },
      { kind: 'note', phase: 'failed', failure: FAILURE },
    ],
    [
      'it left the image while it proved it',
      { host: REBOOTED, update: { phase: 'verifying' } },
      { kind: 'note', phase: 'failed' },
    ],
    ['something else runs', { host: REBOOTED, update: REBOOTING }, { kind: 'note', phase: 'failed' }],
    [
      'power was cut before it: it is asked for again',
      { host: { ...STAGED, ...REBOOTED }, update: REBOOTING },
      { kind: 'reboot', image: B },
    ],
    [
      'the agent was killed before it: it is asked for again',
      { host: STAGED, update: REBOOTING },
      { kind: 'reboot', image: B },
    ],
    ['what was staged is gone', { update: REBOOTING }, { kind: 'note', phase: 'failed' }],
    [
      'another order does not stop the proof',
      { host: BOOTED, update: { ...REBOOTING, updateId: 'old' } },
      { kind: 'note', phase: 'verifying' },
    ],
  ])('%s', (_what, given, step) => expect(planStep(situation(given))).toMatchObject(step));
});

describe('a rollback', () => {
  const desired: Partial<DesiredState> = { action: 'rollback', updateId: 'spring/1/back', image: A };
  const update: Partial<UpdateRecord> = { updateId: 'spring/1/back', image: A, fromDigest: B.digest };

  test.each<[string, Given, object]>([
    ['goes back', { desired, update, host: BOOTED }, { kind: 'go-back', image: A }],
    [
      'goes back to whatever it was',
      { desired: { ...desired, image: null }, update: { ...update, image: null }, host: BOOTED },
      { kind: 'go-back', image: null },
    ],
    ['is done where the image runs', { desired, update }, { kind: 'note', phase: 'verifying' }],
    [
      'to whatever it was is done when something else runs',
      { desired: { ...desired, image: null }, update: { ...update, image: null } },
      { kind: 'note', phase: 'verifying' },
    ],
    [
      'is asked for again after the agent was killed',
      { desired, update: { ...update, phase: 'rolling-back', restartedIn: 'boot-2' }, host: BOOTED },
      { kind: 'go-back', image: A },
    ],
    [
      'to an image that failed elsewhere is fine',
      { desired: { ...desired, denied: [B.digest] }, update, host: BOOTED },
      { kind: 'go-back', image: A },
    ],
  ])('%s', (_what, given, step) => expect(planStep(situation(given))).toMatchObject(step));
});

describe('configuration', () => {
  const desired: Partial<DesiredState> = { config: CONFIG, action: 'none', updateId: null };

  test.each<[string, Given, object]>([
    ['is put in place', { desired, update: null }, { kind: 'configure', config: CONFIG }],
    ['comes before updates', { desired: { config: CONFIG } }, { kind: 'configure' }],
    [
      'is left alone when it is there',
      { desired, update: null, host: { configDigest: CONFIG.digest } },
      WAIT,
    ],
    [
      'stays while the server cannot say what it is',
      {
        desired: {
          ...desired,
          config: { digest: null, files: [], apps: [], trySeconds: null, problem: 'no label site' },
        },
        update: null,
        host: { configDigest: CONFIG.digest },
      },
      WAIT,
    ],
    [
      'is taken away when none is wanted',
      { desired: { action: 'none', updateId: null }, update: null, host: { configDigest: CONFIG.digest } },
      { kind: 'configure', config: { digest: null } },
    ],
    [
      'is not tried again when it was reverted',
      { desired, update: null, record: { rejected: { digest: CONFIG.digest, failure: FAILURE } } },
      WAIT,
    ],
    [
      'waits to be confirmed, and nothing else happens',
      { desired: { config: CONFIG }, host: STAGED, record: { trial: TRIAL } },
      { kind: 'wait', untilMs: TRIAL.untilMs },
    ],
    [
      'is not confirmed by what was heard before',
      { desired, record: { trial: TRIAL }, heardMs: TRIAL.sinceMs },
      { kind: 'wait' },
    ],
    [
      'is kept when the server is heard of',
      { desired, record: { trial: TRIAL }, heardMs: TRIAL.sinceMs + 1 },
      { kind: 'keep-configuration' },
    ],
    [
      'is reverted when it is not',
      { desired, record: { trial: { ...TRIAL, untilMs: NOW_MS } } },
      { kind: 'revert-configuration' },
    ],
  ])('%s', (_what, given, step) => expect(planStep(situation(given))).toMatchObject(step));
});

test('a device that is decommissioned forgets, whatever it was at', () => {
  expect(planStep(situation({ desired: { decommission: true }, update: REBOOTING }))).toEqual({
    kind: 'forget',
  });
});
