import { describe, expect, test } from 'vitest';
import { DAY_MS, startCompatServer } from './compat-server.ts';
import { APP, ask, expected, NEW, NO_UPDATE, OLD, putRelease, question, release } from './omaha-machine.ts';
import type { Place } from './places.ts';

const PATIENCE_MS = 300_000;
const UPDATE = `<updatecheck status="ok"><urls><url codebase="https://host/updates/"/></urls>
   <manifest version="${NEW}"><packages><package hash="+LXvjiaPkeYDLHoNKlf9qbJwvnk=" name="flatcar_production_update.gz" size="67546213" required="true"/></packages>
    <actions><action event="postinstall" sha256="0VAlQW3RE99SGtSB5R4m08antAHO8XDoBMKDyxQT/Mg=" needsadmin="false" IsDeltaPayload="false" DisablePayloadBackoff="true"/></actions>
   </manifest></updatecheck>`;
const PAYLOAD = {
  url: 'https://host/updates/flatcar_production_update.gz',
  sizeBytes: 67_546_213,
  sha1: Buffer.from('+LXvjiaPkeYDLHoNKlf9qbJwvnk=', 'base64').toString('hex'),
  sha256: `sha256:${Buffer.from('0VAlQW3RE99SGtSB5R4m08antAHO8XDoBMKDyxQT/Mg=', 'base64').toString('hex')}`,
};

/** What a server answers to Omaha, whatever database it has. */
export function omahaSuite(kind: string, place: Place): void {
  describe(`Omaha on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('hosts of Flatcar follow the rollout of their fleet, answered letter by letter', async () => {
      await using running = await startCompatServer(place);
      const { clock } = running;
      const elapsed = (): number => Math.floor((clock.ms % DAY_MS) / 1000);
      await putRelease(running, OLD, 1, PAYLOAD);
      await putRelease(running, NEW, 2, PAYLOAD);
      await release(running, 'flatcar-1');
      const token = await running.token('releases:read', 'edge');
      const old = question(OLD, 'default', '8bde4c4d90834d61b41c3253212c0c37');
      const answered = { status: 200, type: 'text/xml; charset=utf-8' };
      expect(await ask(running, token, old)).toEqual({ ...answered, text: expected(elapsed(), NO_UPDATE) });

      const percentOverTime = { startPercent: 0, durationSeconds: 172_800 };
      await release(running, 'flatcar-2', { policy: { percentOverTime } });
      expect((await ask(running, token, old)).text).toBe(expected(elapsed(), NO_UPDATE));
      clock.ms += DAY_MS;
      const machines = Array.from({ length: 40 }, (_each, index) => `machine-${index}`);
      const texts = await Promise.all(
        machines.map(async (machine) => (await ask(running, token, question(OLD, 'edge', machine))).text),
      );
      const share = texts.filter((text) => text === expected(elapsed(), UPDATE)).length;
      expect(share).toBeGreaterThan(8);
      expect(share).toBeLessThan(32);
      expect(texts.filter((text) => text === expected(elapsed(), NO_UPDATE))).toHaveLength(40 - share);
      clock.ms += DAY_MS;
      expect(await ask(running, token, old)).toEqual({ ...answered, text: expected(elapsed(), UPDATE) });
      expect((await ask(running, token, old.replaceAll(OLD, NEW))).text).toContain(NO_UPDATE);
      // Nobody knows where a version leads that is no release; arm64 has no payload.
      expect((await ask(running, token, old.replaceAll(OLD, '1.2.3'))).text).toContain(NO_UPDATE);
      expect((await ask(running, token, old.replace('amd64-usr', 'arm64-usr'))).text).toContain(NO_UPDATE);
    });

    test('a barrier is passed on the way, and a token reaches its fleet alone', async () => {
      await using running = await startCompatServer(place);
      await putRelease(running, OLD, 1, PAYLOAD);
      await putRelease(running, NEW, 2, PAYLOAD, { barrier: { reason: 'a new boot loader' } });
      await putRelease(running, '4230.2.3', 3, PAYLOAD);
      await release(running, 'flatcar-3');
      const token = await running.token('releases:read');
      const from = (version: string, group = 'edge'): string => question(version, group, 'm');
      expect((await ask(running, token, from(OLD))).text).toContain(`<manifest version="${NEW}">`);
      expect((await ask(running, token, from(NEW))).text).toContain('<manifest version="4230.2.3">');
      expect((await ask(running, token, from(OLD, 'elsewhere'))).text).toContain(NO_UPDATE);
      await putRelease(running, '4230.2.3', 3, PAYLOAD, { withdrawn: { reason: 'it burns' } });
      expect((await ask(running, token, from(NEW))).text).toContain(NO_UPDATE);
      await running.putFleet('other', { selector: 'a=b' });
      const other = await running.token('releases:read', 'other');
      expect((await ask(running, other, from(OLD))).text).toContain(NO_UPDATE);
      expect((await ask(running, other, from(OLD).replace(APP, '{other}'))).text).toContain(
        'status="error-unknownApplication"',
      );
      expect(await ask(running, 'slipway_token_forged', from(OLD))).toMatchObject({ status: 401 });
      expect(await ask(running, await running.token('locks:write'), from(OLD))).toMatchObject({
        status: 403,
      });
    });

    test('attacks by entities, and what is no request, are refused', async () => {
      await using running = await startCompatServer(place);
      const token = await running.token('releases:read');
      const head = '<?xml version="1.0"?>';
      const app = `<app appid="${APP}"/>`;
      const bomb = `${head}<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><request><app appid="&b;"/></request>`;
      const outside = `${head}<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><request><app appid="&x;"/></request>`;
      const refused = [bomb, outside, `<request>${app.repeat(17)}</request>`, '', '{}', `<request>${app}`];
      for (const text of refused) {
        const answer = await ask(running, token, text);
        expect(answer.status).toBe(400);
        expect(answer.text).not.toMatch(/root:|aaaa/);
      }
      expect(await ask(running, token, ' '.repeat(70_000))).toMatchObject({ status: 413 });
    });
  });
}
