import { describe, expect, test } from 'vitest';
import { answerOmaha, type OmahaContext } from './answer.ts';
import { type OmahaEvent, progressOf } from './format.ts';
import { readOmahaRequest } from './reader.ts';
import { writeOmahaResponse } from './writer.ts';

const APP = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';

const REQUEST = `<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.2" updaterversion="update_engine-0.4.2" installsource="scheduler" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="4230.2.1_x86_64"></os>
    <app appid="${APP}" version="4230.2.1" track="stable" bootid="{7D52A1CC-0000}" oem="qemu" oemversion="" alephversion="4152.2.0" machineid="8bde4c4d90834d61b41c3253212c0c37" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
        <ping active="1"></ping>
        <updatecheck></updatecheck>
        <event eventtype="3" eventresult="2" previousversion=""></event>
    </app>
</request>
`;

/** The sample without the white space between its elements. */
const RESPONSE = `<?xml version="1.0" encoding="UTF-8"?>
<response protocol="3.0" server="ours"><daystart elapsed_seconds="49008"/>
 <app appid="${APP}" status="ok"><ping status="ok"/><event status="ok"/>
  <updatecheck status="ok" PollInterval="2700"><urls><url codebase="https://host/updates/"/></urls>
   <manifest version="4230.2.2"><packages><package hash="+LXvjiaPkeYDLHoNKlf9qbJwvnk=" name="flatcar_production_update.gz" size="67546213" required="true"/></packages>
    <actions><action event="postinstall" sha256="0VAlQW3RE99SGtSB5R4m08antAHO8XDoBMKDyxQT/Mg=" needsadmin="false" IsDeltaPayload="false" DisablePayloadBackoff="true"/></actions>
   </manifest></updatecheck></app></response>`.replaceAll(/(?<=>)\n\s+(?=<)/g, '');

const CONTEXT: OmahaContext = {
  server: 'ours',
  nowMs: 49_008_000,
  appIds: new Set([APP]),
  updateFor: () => ({
    version: '4230.2.2',
    codebase: 'https://host/updates/',
    packageName: 'flatcar_production_update.gz',
    sizeBytes: 67_546_213,
    sha1: '+LXvjiaPkeYDLHoNKlf9qbJwvnk=',
    sha256: '0VAlQW3RE99SGtSB5R4m08antAHO8XDoBMKDyxQT/Mg=',
    pollSeconds: 2700,
  }),
};

function ask(text: string, context: OmahaContext = CONTEXT) {
  return answerOmaha(Buffer.from(text), context);
}

test('the sample is answered as in the sample, letter by letter', () => {
  const { answer, reports } = ask(REQUEST);
  expect(answer).toEqual({
    status: 200,
    headers: { 'content-type': 'text/xml; charset=utf-8' },
    body: RESPONSE,
  });
  expect(reports).toEqual([]);
});

test('the sample is read whole', () => {
  expect(readOmahaRequest(Buffer.from(REQUEST))).toEqual({
    protocol: '3.0',
    version: 'update_engine-0.4.2',
    installSource: 'scheduler',
    os: { version: 'Chateau', platform: 'CoreOS', sp: '4230.2.1_x86_64' },
    apps: [
      {
        appid: APP,
        version: '4230.2.1',
        track: 'stable',
        bootid: '{7D52A1CC-0000}',
        oem: 'qemu',
        machineid: '8bde4c4d90834d61b41c3253212c0c37',
        machinealias: '',
        board: 'amd64-usr',
        hasPing: true,
        hasUpdateCheck: true,
        events: [{ type: 3, result: 2, errorCode: undefined, previousVersion: '' }],
      },
    ],
  });
});

test('whoever must wait hears of no update, in the one word the client knows', () => {
  const { answer } = ask(REQUEST, { ...CONTEXT, updateFor: () => undefined });
  expect(answer.body).toContain('<updatecheck status="noupdate"/>');
});

test('an event alone is acknowledged alone', () => {
  const text = REQUEST.replace('<ping active="1"></ping>', '').replace('<updatecheck></updatecheck>', '');
  const { answer, reports } = ask(
    text.replace('eventresult="2" previousversion=""', 'eventresult="0" errorcode="44"'),
  );
  expect(answer.body).toContain(`<app appid="${APP}" status="ok"><event status="ok"/></app>`);
  expect(reports).toMatchObject([
    { progress: { kind: 'rolled-back' }, app: { machineid: '8bde4c4d90834d61b41c3253212c0c37' } },
  ]);
});

test('an application that is not served is told so', () => {
  const { answer } = ask(REQUEST, { ...CONTEXT, appIds: new Set() });
  expect(answer.body).toContain(`<app appid="${APP}" status="error-unknownApplication"></app>`);
});

test.each<[Partial<OmahaEvent>, string | undefined]>([
  [{ type: 13, result: 1 }, 'download-started'],
  [{ type: 14, result: 1 }, 'download-finished'],
  [{ type: 3, result: 1 }, 'installed'],
  [{ type: 800, result: 1 }, 'installed'],
  [{ type: 3, result: 2, previousVersion: '' }, undefined],
  [{ type: 3, result: 2, previousVersion: '0.0.0.0' }, undefined],
  [{ type: 3, result: 2, previousVersion: '4230.2.0' }, 'updated'],
  [{ type: 3, result: 0, errorCode: 44 }, 'rolled-back'],
  [{ type: 3, result: 0, errorCode: 2404 }, 'failed'],
  [{ type: 14, result: 0 }, 'failed'],
  [{ type: 40, result: 1 }, undefined],
])('the event %o means %s', (event, kind) => {
  expect(progressOf({ type: 0, result: 1, errorCode: undefined, previousVersion: '', ...event })?.kind).toBe(
    kind,
  );
});

describe('what is hostile is refused', () => {
  const app = '<app appid="a"/>';
  test.each([
    ['nothing', ''],
    ['no XML', 'hello'],
    ['a document type', `<!DOCTYPE r [<!ENTITY a "b">]><request>${app}</request>`],
    ['an external entity', `<!DOCTYPE r SYSTEM "file:///etc/passwd"><request>${app}</request>`],
    ['a section', `<request><![CDATA[x]]>${app}</request>`],
    ['an instruction', `<?php x?><request>${app}</request>`],
    ['a late instruction', `<request><?xml version="1.0"?>${app}</request>`],
    ['an entity of its own', '<request><app appid="&own;"/></request>'],
    ['a bare ampersand', '<request><app appid="a&b"/></request>'],
    ['a NUL by number', '<request><app appid="&#0;"/></request>'],
    ['too many applications', `<request>${app.repeat(17)}</request>`],
    ['a long attribute', `<request><app appid="${'a'.repeat(2000)}"/></request>`],
    ['a deep one', `<request>${'<a>'.repeat(20)}${'</a>'.repeat(20)}${app}</request>`],
    ['one that never ends', '<request><app appid="a">'],
    ['no application', '<request protocol="3.0"></request>'],
    ['an application without name', '<request><app/></request>'],
    ['an event without number', '<request><app appid="a"><event eventtype="x"/></app></request>'],
    ['something else', '<response/>'],
    ['a large one', `<request>${' '.repeat(70_000)}${app}</request>`],
  ])('%s', (_, text) => {
    expect(() => readOmahaRequest(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'OMAHA_INVALID' }),
    );
    expect(ask(text).answer.status).toBe(400);
  });

  test('bytes that are no text', () => {
    expect(() => readOmahaRequest(Buffer.from([0x3c, 0xff, 0xfe]))).toThrow('not UTF-8');
  });

  test('names that JavaScript has a meaning for', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty']) {
      const text = `<request><${name} polluted="yes"/><app appid="a" ${name}="x"/></request>`;
      const { answer } = ask(text, { ...CONTEXT, appIds: new Set(['a']) });
      expect([200, 400]).toContain(answer.status);
      expect(({} as { readonly polluted?: string }).polluted).toBeUndefined();
    }
    expect(ask('<request><__proto__/><app appid="a"/></request>').answer.status).toBe(400);
  });
});

test('what a machine says of itself cannot break out of an answer', () => {
  const appid = `"><script>&'\u0001`;
  const xml = writeOmahaResponse([{ appid, status: 'ok', hasPing: false, events: 0 }], 'a&b', 0);
  expect(xml).toContain('<app appid="&quot;&gt;&lt;script&gt;&amp;&apos;" status="ok"></app>');
  expect(xml).toContain('server="a&amp;b"');
  const back = readOmahaRequest(Buffer.from('<request><app appid="&quot;&gt;&#60;&#x41;&amp;"/></request>'));
  expect(back.apps[0]?.appid).toBe('"><A&');
});
