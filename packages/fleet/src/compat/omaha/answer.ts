import { isSlipwayError } from '@slipway/core';
import type { HttpAnswer } from '../http.ts';
import {
  type OmahaAnswer,
  type OmahaApp,
  type OmahaProgress,
  type OmahaRequest,
  type OmahaUpdate,
  progressOf,
} from './format.ts';
import { readOmahaRequest } from './reader.ts';
import { writeOmahaResponse } from './writer.ts';

export interface OmahaContext {
  /** What the server calls itself. */
  readonly server: string;
  readonly nowMs: number;
  /** Applications that are served, in lower case. */
  readonly appIds: ReadonlySet<string>;
  /** What the rollout engine has for this machine now. */
  readonly updateFor: (app: OmahaApp) => OmahaUpdate | undefined;
}

/** What a machine reported. */
export interface OmahaReport {
  readonly app: OmahaApp;
  readonly progress: OmahaProgress;
}

export interface OmahaResult {
  readonly answer: HttpAnswer;
  readonly reports: readonly OmahaReport[];
  /** There unless the request was refused. */
  readonly request?: OmahaRequest;
}

const DAY_MS = 86_400_000;

/** Answers a `POST` of an Omaha client. A request that does not parse gets 400: the client tries again later. */
export function answerOmaha(body: Uint8Array, context: OmahaContext): OmahaResult {
  let request: OmahaRequest;
  try {
    request = readOmahaRequest(body);
  } catch (error) {
    if (!isSlipwayError(error, 'OMAHA_INVALID')) throw error;
    return {
      answer: { status: 400, headers: { 'content-type': 'text/plain' }, body: `${error.message}\n` },
      reports: [],
    };
  }
  return answerOmahaRequest(request, context);
}

/** The same for a request that was read. */
export function answerOmahaRequest(request: OmahaRequest, context: OmahaContext): OmahaResult {
  const xml = writeOmahaResponse(
    request.apps.map((app) => answerApp(app, context)),
    context.server,
    (context.nowMs % DAY_MS) / 1000,
  );
  return {
    answer: { status: 200, headers: { 'content-type': 'text/xml; charset=utf-8' }, body: xml },
    reports: reportsOf(request),
    request,
  };
}

function answerApp(app: OmahaApp, { appIds, updateFor }: OmahaContext): OmahaAnswer {
  const { appid, hasPing, hasUpdateCheck, events } = app;
  if (!appIds.has(appid.toLowerCase())) {
    return { appid, status: 'error-unknownApplication', hasPing: false, events: 0 };
  }
  const answer = { appid, status: 'ok', hasPing, events: events.length };
  return hasUpdateCheck ? { ...answer, updateCheck: updateFor(app) ?? 'noupdate' } : answer;
}

/** What the machines of a request report. */
export function reportsOf({ apps }: OmahaRequest): readonly OmahaReport[] {
  return apps.flatMap(reportsOfApp);
}

function reportsOfApp(app: OmahaApp): readonly OmahaReport[] {
  return app.events.flatMap((event) => {
    const progress = progressOf(event);
    return progress === undefined ? [] : [{ app, progress }];
  });
}
