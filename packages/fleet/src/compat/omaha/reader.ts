import { SlipwayError } from '@slipway/core';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { MAX_REQUEST_BYTES, type OmahaApp, type OmahaEvent, type OmahaRequest } from './format.ts';

const MAX_DEPTH = 8;
const MAX_APPS = 16;
const MAX_EVENTS = 64;
const MAX_ATTRIBUTE_CHARACTERS = 1024;

/** Nothing is expanded, nothing is guessed: attributes are text, and lists are lists. */
const PARSER: XMLParser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: false,
  htmlEntities: false,
  isArray: (name) => name === 'app' || name === 'event',
});

/**
 * Reads a request.
 *
 * @throws SlipwayError OMAHA_INVALID for anything that is not one: no XML, a document type or other declaration, too large, too deep, an
 * entity that is not predefined
 */
export function readOmahaRequest(bytes: Uint8Array): OmahaRequest {
  if (bytes.length > MAX_REQUEST_BYTES) throw refused(`it is larger than ${MAX_REQUEST_BYTES} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refused('it is not UTF-8');
  }
  // Neither document types, entities, sections nor further instructions are ever part of a request: none reaches the parser.
  if (/<!/u.test(text)) throw refused('it declares something, which no request does');
  if (/<\?(?!xml\s)/u.test(text) || text.lastIndexOf('<?') > 0)
    throw refused('it holds a processing instruction');
  checkDepth(text);
  const request = childOf(parsed(text), 'request');
  if (request === undefined) throw refused('it has no <request>');
  const apps = listOf(request, 'app', MAX_APPS);
  if (apps.length === 0) throw refused('it names no application');
  const os = childOf(request, 'os') ?? {};
  return {
    protocol: attribute(request, 'protocol'),
    version: attribute(request, 'version'),
    installSource: attribute(request, 'installsource'),
    os: { version: attribute(os, 'version'), platform: attribute(os, 'platform'), sp: attribute(os, 'sp') },
    apps: apps.map(appOf),
  };
}

function appOf(app: Element): OmahaApp {
  const appid = attribute(app, 'appid');
  if (appid === '') throw refused('an application has no appid');
  return {
    appid,
    version: attribute(app, 'version'),
    track: attribute(app, 'track'),
    bootid: attribute(app, 'bootid'),
    oem: attribute(app, 'oem'),
    machineid: attribute(app, 'machineid'),
    machinealias: attribute(app, 'machinealias'),
    board: attribute(app, 'board'),
    hasPing: Object.hasOwn(app, 'ping'),
    hasUpdateCheck: Object.hasOwn(app, 'updatecheck'),
    events: listOf(app, 'event', MAX_EVENTS).map(eventOf),
  };
}

function eventOf(event: Element): OmahaEvent {
  const errorCode = attribute(event, 'errorcode');
  return {
    type: numberOf(event, 'eventtype'),
    result: numberOf(event, 'eventresult'),
    errorCode: errorCode === '' ? undefined : numberOf(event, 'errorcode'),
    previousVersion: attribute(event, 'previousversion'),
  };
}

type Element = Readonly<Record<string, unknown>>;

function parsed(text: string): Element {
  const fault = XMLValidator.validate(text);
  if (fault !== true) throw refused(`line ${fault.err.line}: ${fault.err.msg}`);
  try {
    return asElement(PARSER.parse(text)) ?? {};
  } catch (error) {
    throw refused(error instanceof Error ? error.message : 'it does not parse');
  }
}

/** Counted before the parser sees it: a request has three levels. Attributes may hold ">", never "<". */
function checkDepth(text: string): void {
  let depth = 0;
  for (const [tag] of text.matchAll(/<\/?[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>/gu)) {
    if (tag.startsWith('<?') || tag.endsWith('/>')) continue;
    depth += tag.startsWith('</') ? -1 : 1;
    if (depth > MAX_DEPTH) throw refused('its elements are nested too deeply');
  }
}

/** An element without attributes and children is the empty text. */
function asElement(value: unknown): Element | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Element;
  return value === '' ? {} : undefined;
}

function childOf(element: Element, name: string): Element | undefined {
  return Object.hasOwn(element, name) ? asElement(element[name]) : undefined;
}

function listOf(element: Element, name: string, most: number): readonly Element[] {
  const list = Object.hasOwn(element, name) ? element[name] : [];
  if (!Array.isArray(list) || list.length > most) throw refused(`it has more than ${most} <${name}>`);
  return list.map((each: unknown) => asElement(each) ?? {});
}

function attribute(element: Element, name: string): string {
  const value = Object.hasOwn(element, `@${name}`) ? element[`@${name}`] : '';
  if (typeof value !== 'string') return '';
  if (value.length > MAX_ATTRIBUTE_CHARACTERS) throw refused(`the attribute ${name} is too long`);
  return unescaped(value);
}

function numberOf(element: Element, name: string): number {
  const text = attribute(element, name);
  if (!/^\d{1,9}$/.test(text)) throw refused(`the attribute ${name} must be a number`);
  return Number(text);
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The five entities of XML, and characters by number; there are no others. */
function unescaped(value: string): string {
  return value.replaceAll(
    /&(?:#(?<decimal>\d{1,7})|#x(?<hex>[0-9a-fA-F]{1,6})|(?<name>[a-z]+))?;?/gu,
    (...match) => {
      const { decimal, hex, name } = match.at(-1) as Readonly<Record<string, string | undefined>>;
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      const entity = name !== undefined && Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
      if (entity !== undefined) return entity;
      if (Number.isNaN(code) || code > 0x10ffff || code === 0)
        throw refused('it uses an entity that XML does not have');
      return String.fromCodePoint(code);
    },
  );
}

function refused(why: string): SlipwayError {
  return new SlipwayError('OMAHA_INVALID', `cannot read the request of an Omaha client: ${why}`, {
    hint: 'a request is XML of protocol 3.0: <request> with <os> and at least one <app>',
  });
}
