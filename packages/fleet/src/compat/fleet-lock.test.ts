import { describe, expect, test } from 'vitest';
import { answerFleetLock, type FleetLockRequest, type FleetLockState, type LockGroup } from './fleet-lock.ts';

const GROUPS: readonly LockGroup[] = [{ name: 'workers', slots: 1, ttlMs: 1000 }];
const ID = 'c988d2509fdf5cdcbed39037c56406fb';

function request(api: FleetLockRequest['api'], id = ID, group = 'workers'): FleetLockRequest {
  return { api, protocolHeader: 'true', body: JSON.stringify({ client_params: { id, group } }) };
}

function state(more: Partial<FleetLockState> = {}): FleetLockState {
  return { groups: GROUPS, locks: [], nowMs: 0, ...more };
}

describe('a slot', () => {
  test('is taken, taken again by its holder, refused to others, and given back', () => {
    const first = answerFleetLock(request('pre-reboot'), state({ ownerOf: () => 'edge-1' }));
    expect(first.answer).toEqual({ status: 200, headers: {}, body: '' });
    expect(first.locks).toMatchObject([
      { id: ID, group: 'workers', owner: 'edge-1', acquiredMs: 0, expiresMs: 1000 },
    ]);
    const again = answerFleetLock(request('pre-reboot'), state({ locks: first.locks, nowMs: 500 }));
    expect(again).toMatchObject({
      answer: { status: 200 },
      locks: [{ acquiredMs: 0, expiresMs: 1500 }],
      events: [{ kind: 'renewed' }],
    });
    const other = answerFleetLock(request('pre-reboot', 'other'), state({ locks: again.locks, nowMs: 600 }));
    expect(other.answer.status).toBe(503);
    expect(JSON.parse(other.answer.body)).toEqual({
      kind: 'failed_lock_semaphore_full',
      value: 'all 1 slots of group workers are locked, by edge-1',
    });
    const steady = answerFleetLock(request('steady-state'), state({ locks: other.locks, nowMs: 700 }));
    expect(steady).toMatchObject({ answer: { status: 200 }, locks: [], events: [{ kind: 'released' }] });
    expect(answerFleetLock(request('steady-state'), state()).answer.status).toBe(200);
  });

  test('of a dead holder is free when its time is up', () => {
    const { locks } = answerFleetLock(request('pre-reboot'), state());
    const next = answerFleetLock(request('pre-reboot', 'other'), state({ locks, nowMs: 1000 }));
    expect(next.locks.map(({ id }) => id)).toEqual(['other']);
    expect(next.events.map(({ kind, id }) => `${kind} ${id}`)).toEqual([`expired ${ID}`, 'acquired other']);
  });

  test('is not given while a rollout holds the device back, but a holder keeps it', () => {
    const hold = () => ({ code: 'apply-window', opensMs: 3_600_000 }) as const;
    const refused = answerFleetLock(request('pre-reboot'), state({ hold }));
    expect(JSON.parse(refused.answer.body)).toEqual({
      kind: 'held_apply_window',
      value: 'is downloaded and may restart when its window opens at 1970-01-01T01:00:00Z',
    });
    expect(refused.events).toMatchObject([{ kind: 'refused' }]);
    const { locks } = answerFleetLock(request('pre-reboot'), state());
    expect(answerFleetLock(request('pre-reboot'), state({ locks, hold })).answer.status).toBe(200);
  });
});

describe('a request is refused', () => {
  test.each([
    [
      'without the header',
      { ...request('pre-reboot'), protocolHeader: undefined },
      'invalid_client_identity',
    ],
    ['with another header', { ...request('pre-reboot'), protocolHeader: 'false' }, 'invalid_client_identity'],
    ['without JSON', { ...request('pre-reboot'), body: 'id=a' }, 'invalid_client_identity'],
    ['with null', { ...request('pre-reboot'), body: 'null' }, 'invalid_client_identity'],
    ['without an id', request('pre-reboot', ''), 'invalid_client_identity'],
    ['with an id of several lines', request('pre-reboot', 'a\nb'), 'invalid_client_identity'],
    ['with a strange group', request('pre-reboot', ID, 'a/b'), 'invalid_client_identity'],
    ['of an endless body', { ...request('pre-reboot'), body: ' '.repeat(5000) }, 'invalid_client_identity'],
    ['of a group that is none', request('pre-reboot', ID, 'db'), 'unknown_group'],
  ])('%s', (_, bad, kind) => {
    const { answer, locks, events } = answerFleetLock(bad, state());
    expect(answer.status).toBe(400);
    const body = JSON.parse(answer.body) as { readonly kind: string; readonly value: string };
    expect(body.kind).toBe(kind);
    expect(body.value).not.toBe('');
    expect([locks, events]).toEqual([[], []]);
  });
});
