import { type FleetClient, openApiDocument, type RouteId } from '@slipway/fleet-api';
import type { MeasuredServer } from './measured-server.ts';
import { quantile } from './quantile.ts';

/** What a page of the console asks at once. */
export interface PageAsk {
  readonly page: string;
  /** Milliseconds that are aimed at. */
  readonly boundMs: number;
  readonly ask: (admin: FleetClient) => Promise<unknown>;
}

/** How long a page took. */
export interface PageTime {
  readonly page: string;
  readonly boundMs: number;
  /** The first time ever. */
  readonly coldMs: number;
  /** The median of a few times after that. */
  readonly warmMs: number;
  /** Of the server, for each of those times, with whatever else it did meanwhile: of this no other load of the machine is a part. */
  readonly cpuMs: number;
}

/** What of a fleet is looked at. */
export interface SeenFleet {
  readonly fleet: string;
  readonly device: string;
  readonly rollout: string;
  readonly selector: string;
  /** In the names of a few devices. */
  readonly search: string;
  /** A name after which few devices come. */
  readonly nearEnd: string;
}

export const FIRST_PAGE_MS = 1000;
export const LIST_PAGE_MS = 200;

const TIMES = 5;

/** Every list there is, as its page asks for it first; of devices also as people filter them. */
export function listPages(seen: SeenFleet): readonly PageAsk[] {
  return [...listCalls(seen).map(({ id, params }) => listPage(id, {}, params)), ...devicePages(seen)];
}

/** What the console asks for its first page: who is there, and then all at once. */
export const FIRST_PAGE: PageAsk = {
  page: 'the first page',
  boundMs: FIRST_PAGE_MS,
  ask: async (admin) => {
    await admin.call('sessions.current', {});
    await Promise.all([
      admin.call('overview.get', {}),
      admin.call('rollouts.list', { query: { active: 'true', limit: 10 } }),
    ]);
  },
};

type Params = Readonly<Record<string, string>>;
type Query = Readonly<Record<string, string>>;

/** From the document of the API: a list that is added to it is measured by itself. */
function listCalls({
  device,
  rollout,
}: SeenFleet): readonly { readonly id: string; readonly params: Params }[] {
  const names: Readonly<Record<string, Params>> = {
    'devices.timeline': { name: device },
    'rollouts.devices': { name: rollout },
  };
  const { paths } = openApiDocument() as unknown as ApiDocument;
  return Object.entries(paths).flatMap(([path, { get }]) => {
    const isList = get?.parameters?.some(({ name }) => name === 'cursor') === true;
    if (get === undefined || !isList) return [];
    const params = names[get.operationId];
    if (params === undefined && path.includes('{'))
      throw new Error(`say of what ${get.operationId} is a list`);
    return [{ id: get.operationId, params: params ?? {} }];
  });
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, { readonly get?: ApiOperation }>>;
}

interface ApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string }[];
}

function listPage(id: string, query: Query, params: Params = {}): PageAsk {
  const words = Object.entries(query).map(([name, value]) => ` ${name}=${name === 'cursor' ? '…' : value}`);
  return {
    page: `${id}${words.join('')}`,
    boundMs: LIST_PAGE_MS,
    ask: async (admin) =>
      await admin.call(id as RouteId, { params, query: { limit: 100, ...query } } as never),
  };
}

function devicePages({ fleet, selector, search, nearEnd, device, rollout }: SeenFleet): readonly PageAsk[] {
  const filters: readonly Query[] = [
    { selector },
    { search },
    { fleet },
    { update: 'failed' },
    { update: 'up-to-date' },
    { connection: 'offline' },
    { connection: 'online' },
    { lifecycle: 'decommissioned' },
    { cursor: cursorAfter(nearEnd) },
    { fleet, update: 'out-of-date', selector },
  ];
  const one = (id: 'devices.get' | 'fleets.get' | 'rollouts.get', name: string): PageAsk => ({
    page: id,
    boundMs: LIST_PAGE_MS,
    ask: async (admin) => await admin.call(id, { params: { name } }),
  });
  return [
    ...filters.map((query) => listPage('devices.list', query)),
    listPage('rollouts.devices', { cursor: cursorAfter(nearEnd) }, { name: rollout }),
    one('devices.get', device),
    one('fleets.get', fleet),
    one('rollouts.get', rollout),
    {
      page: 'releases.graph',
      boundMs: LIST_PAGE_MS,
      ask: async (admin) => await admin.call('releases.graph', { query: {} }),
    },
  ];
}

/** A cursor of the server, of any place in a list: nobody walks through a thousand pages to the last. */
function cursorAfter(key: string): string {
  return Buffer.from(`after:${key}`).toString('base64url');
}

/** Asks for pages one after another as a person would, each a few times. */
export async function timePages(
  { admin, measure }: Pick<MeasuredServer, 'admin' | 'measure'>,
  pages: readonly PageAsk[],
  times: number = TIMES,
): Promise<readonly PageTime[]> {
  const found: PageTime[] = [];
  for (const { page, boundMs, ask } of pages) {
    const timeOf = async (): Promise<number> => {
      const beganMs = performance.now();
      await ask(admin);
      return performance.now() - beganMs;
    };
    const coldMs = await timeOf();
    const warm: number[] = [];
    const before = await measure();
    for (let time = 0; time < times; time += 1) warm.push(await timeOf());
    const after = await measure();
    found.push({
      page,
      boundMs,
      coldMs,
      warmMs: quantile(
        warm.toSorted((left, right) => left - right),
        0.5,
      ),
      cpuMs: (after.cpuMs - before.cpuMs) / times,
    });
  }
  return found;
}
