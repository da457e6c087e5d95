import type { OmahaAnswer, OmahaUpdate } from './format.ts';

/**
 * Writes an answer, attributes in the order servers of this protocol write them.
 *
 * @param elapsedSeconds since midnight, UTC: `daystart`
 */
export function writeOmahaResponse(
  answers: readonly OmahaAnswer[],
  server: string,
  elapsedSeconds: number,
): string {
  const apps = answers.map(appElement).join('');
  const daystart = `<daystart elapsed_seconds="${Math.floor(elapsedSeconds)}"/>`;
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<response protocol="3.0" server="${escaped(server)}">${daystart}${apps}</response>`
  );
}

function appElement({ appid, status, hasPing, events, updateCheck }: OmahaAnswer): string {
  const ping = hasPing ? '<ping status="ok"/>' : '';
  const acknowledged = '<event status="ok"/>'.repeat(events);
  const update = updateCheck === undefined ? '' : updateElement(updateCheck);
  return `<app appid="${escaped(appid)}" status="${escaped(status)}">${ping}${acknowledged}${update}</app>`;
}

function updateElement(update: OmahaUpdate | 'noupdate'): string {
  if (update === 'noupdate') return '<updatecheck status="noupdate"/>';
  const { version, codebase, packageName, sizeBytes, sha1, sha256, pollSeconds } = update;
  const poll = pollSeconds === undefined ? '' : ` PollInterval="${pollSeconds}"`;
  return (
    `<updatecheck status="ok"${poll}><urls><url codebase="${escaped(codebase)}"/></urls>` +
    `<manifest version="${escaped(version)}"><packages>` +
    `<package hash="${escaped(sha1)}" name="${escaped(packageName)}" size="${sizeBytes}" required="true"/></packages>` +
    `<actions><action event="postinstall" sha256="${escaped(sha256)}" needsadmin="false" IsDeltaPayload="false" DisablePayloadBackoff="true"/></actions>` +
    '</manifest></updatecheck>'
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML has no way to write most control characters: they are left out. */
function escaped(text: string): string {
  return text
    .replaceAll(/[<>&"']/gu, (character) => ENTITIES[character] ?? '')
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');
}
