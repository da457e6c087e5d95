import type { FleetEvent } from '@slipway/fleet-api';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** A fleet changes faster than anybody reads: what is out of date is read again this often at most. */
const GATHER_MS = 1000;

/** What of the page an event of a kind makes out of date: first words of the names of calls. */
const CONCERNS: Readonly<Record<string, readonly string[]>> = {
  Device: ['devices', 'overview', 'fleets', 'rollouts', 'releases'],
  Fleet: ['fleets', 'overview'],
  Rollout: ['rollouts', 'overview', 'fleets'],
  Release: ['releases', 'overview'],
  Policy: ['policies'],
  Enrolment: ['enrolments', 'overview'],
  EnrolmentToken: ['enrolmentTokens'],
  Lock: ['locks'],
  GitRepository: ['gitRepositories'],
  Webhook: ['webhooks'],
  User: ['users'],
  Role: ['roles'],
  Token: ['tokens'],
};

export type Connection = 'connecting' | 'live' | 'interrupted';

/** Follows the events of the server while somebody looks; the browser reconnects by itself and says where it was. */
export function useLiveUpdates(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  useEffect(() => {
    const source = new EventSource('/api/v1/events');
    const refresh = gather(queries);
    source.addEventListener('open', () => setConnection('live'));
    source.addEventListener('error', () => setConnection('interrupted'));
    const hear = ({ data }: MessageEvent<string>): void => refresh(JSON.parse(data) as FleetEvent);
    source.addEventListener('message', hear);
    for (const kind of Object.keys(CONCERNS)) source.addEventListener(kind, hear);
    return () => source.close();
  }, [queries]);
  return connection;
}

function gather(queries: QueryClient): (event: FleetEvent) => void {
  const stale = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const readAgain = (): void => {
    timer = undefined;
    const words = new Set(stale);
    stale.clear();
    void queries.invalidateQueries({ predicate: ({ queryKey }) => words.has(firstWord(queryKey[0])) });
  };
  return ({ kind }) => {
    for (const word of [...(CONCERNS[kind] ?? []), 'audit']) stale.add(word);
    timer ??= setTimeout(readAgain, GATHER_MS);
  };
}

function firstWord(call: unknown): string {
  return String(call).split('.')[0] ?? '';
}
