import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, silentLog } from '@slipway/core';
import jsQR from 'jsqr';
import { expect, test } from 'vitest';
import { makeDeviceKey } from '../protocol/device-key.ts';
import { consoleNotice, noticeOf, type Waiting } from './lobby-notice.ts';

const URL_OF_HOST = 'https://fleet.example/enrolments/abcdefghijklmnopqrstuvwxyz';

async function waiting(approveUrl = URL_OF_HOST): Promise<Waiting> {
  return { server: 'https://fleet.example', name: 'abc', approveUrl, key: await makeDeviceKey() };
}

/** What a telephone makes of the blocks: light ones are drawn, four pixels each half. */
function scanned(notice: string): string | undefined {
  const rows = notice.split('\n').filter((line) => /^[█▀▄ ]{20,}$/.test(line));
  const scale = 4;
  const width = (rows[0]?.length ?? 0) * scale;
  const height = rows.length * 2 * scale;
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const block = rows[Math.floor(y / scale / 2)]?.[Math.floor(x / scale)];
      const isUpper = Math.floor(y / scale) % 2 === 0;
      const isLight = block === '█' || block === (isUpper ? '▀' : '▄');
      if (!isLight) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return jsQR.default(pixels, width, height)?.data;
}

test('the code leads to where the host is let in, and fits a screen', async () => {
  const notice = noticeOf(await waiting());
  expect(scanned(notice)).toBe(URL_OF_HOST);
  expect(notice).toContain(`Let it in at ${URL_OF_HOST}\n`);
  expect(notice).toMatch(/^Key ([0-9a-f]{8} ){7}[0-9a-f]{8}$/m);
  const lines = notice.split('\n');
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each([
  ['javascript:alert(1)'],
  ['https://fleet.example/\\n\\l'],
  ['https://fleet.example/\u001b[2J'],
  [''],
])('an address like %j is not shown', async (approveUrl) => {
  const notice = noticeOf({ ...(await waiting(approveUrl)), server: 'https://a\\n', name: 'a\u001b[2Jb' });
  expect(notice).toContain('Let it in by slipway fleet approve.');
  expect(notice).toContain('the fleet at https://a?n');
  expect(notice).toContain('as a?[2Jb.');
  expect(scanned(notice)).toBeUndefined();
});

test('a longer address is shown without a code', async () => {
  const long = `${URL_OF_HOST}${'x'.repeat(60)}`;
  const notice = noticeOf(await waiting(long));
  expect(notice).toContain(long);
  expect(scanned(notice)).toBeUndefined();
});

test('it stands there while the host waits, and goes', async () => {
  await using dir = await makeTempDir('notice');
  const directory = join(dir.path, 'issue.d');
  const notice = consoleNotice(directory, silentLog);
  await notice.clear();
  const shown = await waiting();
  await notice.show(shown);
  await notice.show(shown);
  expect(await readdir(directory)).toEqual(['50-slipway-fleet.issue']);
  expect(await readFile(join(directory, '50-slipway-fleet.issue'), 'utf8')).toBe(noticeOf(shown));
  await notice.clear();
  expect(await readdir(directory)).toEqual([]);
});
