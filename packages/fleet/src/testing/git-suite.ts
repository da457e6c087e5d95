import type { FleetClient, GitRepository, GitRepositoryInput, GitRepositorySpec } from '@slipway/fleet-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './git-server.ts';
import type { Place } from './places.ts';
import { type RunningServer, startServer } from './running-server.ts';
import { clientOf } from './test-client.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;

const header = (kind: string, name: string): string =>
  `apiVersion: slipway/v1\nkind: ${kind}\nmetadata: {name: ${name}}\n`;
const POLICY = `${header('Policy', 'careful')}spec: {firstAlone: true}\n`;
const release = (name: string, letter: string): string =>
  `${header('Release', name)}spec: {version: ${name}, images: [{architecture: amd64, reference: "r.example/s:${name}", digests: ["sha256:${letter.repeat(64)}"]}]}\n`;
const fleet = (more: string): string => `${header('Fleet', 'shops')}spec: {policy: careful, ${more}}\n`;
const params = { name: 'shops' };

async function start(place: Place, allowedNetworks: readonly string[]): Promise<RunningServer> {
  return await startServer({ database: await place(), stepRolloutsMs: 50, allowedNetworks });
}

/** How a server follows git, whatever database it has. */
export function gitSuite(kind: string, place: Place): void {
  describe(`git repositories on ${kind}`, { timeout: PATIENCE_MS }, () => {
    let git: GitServer;
    beforeAll(async () => {
      git = await startGitServer();
    }, PATIENCE_MS);
    afterAll(async () => await git[Symbol.asyncDispose]());

    const input = (spec: Partial<GitRepositorySpec> = {}): GitRepositoryInput => ({
      apiVersion: 'slipway/v1',
      kind: 'GitRepository',
      metadata: { name: 'main' },
      spec: { url: git.url, caCertificate: git.authority, intervalSeconds: 86_400, ...spec },
    });
    const put = async (client: FleetClient, spec?: Partial<GitRepositorySpec>): Promise<GitRepository> =>
      await client.call('gitRepositories.put', { params: { name: 'main' }, body: input(spec) });
    /** Asks for a look, and waits for what one found that began after that. */
    const sync = async (client: FleetClient, commit: string | null): Promise<GitRepository['status']> => {
      const askedMs = Date.now();
      await client.call('gitRepositories.sync', { params: { name: 'main' }, body: {} });
      const { status } = await until(
        async () => await client.call('gitRepositories.get', { params: { name: 'main' } }),
        (found) => Date.parse(found.status.checkedAt ?? '') > askedMs,
      );
      if (commit !== null) expect(status.commit).toBe(commit);
      return status;
    };

    test('the server becomes what git says, stays so, and says what it changed', async () => {
      await using running = await start(place, ['127.0.0.0/8']);
      const { admin } = running;
      const files = { 'base.yaml': `${POLICY}---\n${release('v1', 'a')}---\n${release('v2', 'b')}` };
      const first = await git.commit({
        ...files,
        'shops.yaml': fleet('selector: kind=shop, release: v1'),
        'README.md': 'not a resource',
      });
      await put(admin);
      const applied = await until(
        async () => await admin.call('gitRepositories.get', { params: { name: 'main' } }),
        ({ status }) => status.state !== 'waiting',
      );
      expect(applied.status).toMatchObject({
        state: 'applied',
        commit: first,
        resources: 4,
        problems: [],
        hasToken: false,
      });
      expect(applied.status.changes.map(({ kind: each, action }) => [each, action])).toEqual([
        ['Policy', 'create'],
        ['Release', 'create'],
        ['Release', 'create'],
        ['Fleet', 'create'],
      ]);
      expect((await admin.call('fleets.get', { params })).spec).toEqual({
        policy: 'careful',
        selector: 'kind=shop',
        release: 'v1',
      });
      expect((await admin.call('rollouts.list', {})).items.map(({ spec }) => spec.release)).toEqual(['v1']);

      // Somebody changes what git says, and something git says nothing of.
      const changed = await admin.call('fleets.get', { params });
      const spec = { ...changed.spec, selector: 'kind=cafe', intervalSeconds: 30 };
      await admin.call('fleets.put', { params, body: { ...changed, spec } });
      await admin.call('policies.put', {
        params: { name: 'ours' },
        body: { apiVersion: 'slipway/v1', kind: 'Policy', metadata: { name: 'ours' }, spec: {} },
      });
      expect(await sync(admin, first)).toMatchObject({
        state: 'applied',
        changes: [{ kind: 'Fleet', name: 'shops', fields: ['spec.selector'], isDrift: true, heldBack: null }],
      });
      expect((await admin.call('fleets.get', { params })).spec).toMatchObject({
        selector: 'kind=shop',
        intervalSeconds: 30,
      });
      const { revision } = (await admin.call('fleets.get', { params })).metadata;
      await sync(admin, first);
      expect((await admin.call('fleets.get', { params })).metadata.revision).toBe(revision);

      // What goes from git goes, in an order in which it can.
      const second = await git.commit({ 'base.yaml': release('v2', 'b') });
      expect(await sync(admin, second)).toMatchObject({ state: 'applied', resources: 1 });
      expect((await admin.call('fleets.list', {})).items).toEqual([]);
      expect((await admin.call('policies.list', {})).items.map(({ metadata }) => metadata.name)).toEqual([
        'ours',
      ]);
      expect((await admin.call('releases.list', {})).items.map(({ metadata }) => metadata.name)).toEqual([
        'v2',
      ]);

      const { items } = await admin.call('audit.list', { query: { limit: 1000 } });
      const ours = items.filter(({ actor }) => actor === 'git:main');
      expect(ours.map(({ action }) => action).toReversed()).toEqual([
        'policies.put',
        'releases.put',
        'releases.put',
        'fleets.put',
        'fleets.put',
        'fleets.delete',
        'releases.delete',
        'policies.delete',
      ]);
      expect(ours.at(-1)?.address).toBe(`${git.url}@${first}`);
      expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
    });

    test('mistakes change nothing, are all told, and nothing is deleted by an empty folder', async () => {
      await using running = await start(place, ['127.0.0.0/8']);
      const { admin } = running;
      await git.commit({ 'a.yaml': POLICY });
      await put(admin);
      await sync(admin, null);
      const wrong = await git.commit({
        'a.yaml': `${header('Policy', 'careful')}spec: {firstAlone: maybe}\n`,
        'b.yaml': `${release('v1', 'a')}---\nkind: GitRepository\n`,
      });
      const status = await sync(admin, wrong);
      expect(status.state).toBe('failed');
      expect(status.problems).toMatchObject([
        { file: 'a.yaml', line: 4 },
        { file: 'b.yaml', message: /^kind must be one of Role, / },
      ]);
      expect((await admin.call('releases.list', {})).items).toEqual([]);
      const empty = await git.commit({ 'README.md': '' });
      expect(await sync(admin, empty)).toMatchObject({
        state: 'failed',
        problems: [{ message: 'there is no resource any more: nothing is deleted' }],
      });
      expect((await admin.call('policies.list', {})).items).toHaveLength(1);
      const lacking = await git.commit({ 'a.yaml': `${POLICY}---\n${fleet('selector: a, release: v9')}` });
      const told = await sync(admin, lacking);
      expect(told).toMatchObject({ state: 'failed', problems: [{ file: null }] });
      expect(told.problems[0]?.message).toMatch(/^Fleet\/shops: .*v9/);
      const good = await git.commit({ 'a.yaml': POLICY });
      expect(await sync(admin, good)).toMatchObject({ state: 'applied', problems: [] });
    });

    test('drift that is only reported stays; a fleet somebody rolled back is not led there again', async () => {
      await using running = await start(place, ['127.0.0.0/8']);
      const { admin } = running;
      const base = `${POLICY}---\n${release('v1', 'a')}---\n${release('v2', 'b')}---\n${release('v3', 'c')}`;
      const at = (version: string, more = ''): Readonly<Record<string, string>> => ({
        'base.yaml': base,
        'shops.yaml': fleet(`selector: kind=shop, release: ${version}${more}`),
      });
      await git.commit(at('v1'));
      await put(admin);
      await sync(admin, null);
      const second = await git.commit(at('v2'));
      await sync(admin, second);
      const { items } = await admin.call('rollouts.list', {});
      const name = items.find(({ spec }) => spec.release === 'v2')?.metadata.name ?? '';
      await admin.call('rollouts.rollback', { params: { name }, body: { reason: 'slow' } });
      const heldBack = `the rollout ${name} of v2 was rolled back`;
      expect(await sync(admin, second)).toMatchObject({
        state: 'drifted',
        changes: [{ kind: 'Fleet', fields: ['spec.release'], isDrift: true, heldBack }],
      });
      const other = await git.commit(at('v2', ', intervalSeconds: 30'));
      expect(await sync(admin, other)).toMatchObject({ state: 'drifted', changes: [{ heldBack }] });
      expect((await admin.call('fleets.get', { params })).spec).toMatchObject({
        release: 'v1',
        intervalSeconds: 30,
      });
      const third = await git.commit(at('v3'));
      expect(await sync(admin, third)).toMatchObject({ state: 'applied' });
      expect((await admin.call('fleets.get', { params })).spec.release).toBe('v3');

      await put(admin, { drift: 'report' });
      await sync(admin, third);
      const changed = await admin.call('fleets.get', { params });
      await admin.call('fleets.put', {
        params,
        body: { ...changed, spec: { ...changed.spec, selector: 'kind=cafe' } },
      });
      expect(await sync(admin, third)).toMatchObject({
        state: 'drifted',
        changes: [{ fields: ['spec.selector'], isDrift: true, heldBack: 'drift is only reported' }],
      });
      expect((await admin.call('fleets.get', { params })).spec.selector).toBe('kind=cafe');
    });

    test('it goes nowhere it must not, may no more than its role, and keeps its token to its server', async () => {
      await git.commit({ 'a.yaml': POLICY });
      {
        await using running = await start(place, []);
        await put(running.admin);
        const status = await sync(running.admin, null);
        expect(status.problems[0]?.message).toMatch(/^cannot go to that URL/);
      }
      await using running = await start(place, ['127.0.0.0/8']);
      const { admin, server } = running;
      await put(admin, { role: 'viewer', token: 'hunter2hunter2' });
      git.authorizations.clear();
      expect(await sync(admin, null)).toMatchObject({ state: 'failed', hasToken: true });
      expect([...git.authorizations]).toEqual([`Basic ${btoa('git:hunter2hunter2')}`]);
      expect(JSON.stringify(await admin.call('gitRepositories.list', {}))).not.toContain('hunter2');
      expect((await put(admin, { role: 'operator' })).status.hasToken).toBe(true);
      expect(await sync(admin, null)).toMatchObject({ state: 'applied' });
      const moved = await put(admin, { url: 'https://elsewhere.example/fleet.git' });
      expect(moved.status.hasToken).toBe(false);
      const grants = [{ role: 'operator' }];
      const { secret } = await admin.call('tokens.create', { body: { name: 'ci', grants } });
      const operator = clientOf(server.url, server.authority, secret);
      await expect(put(operator, { role: 'admin' })).rejects.toMatchObject({
        problem: { code: 'FLEET_FORBIDDEN' },
      });
      await expect(put(operator, { url: 'file:///etc/' })).rejects.toMatchObject({
        problem: { status: 422 },
      });
    });
  });
}
