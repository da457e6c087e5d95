/** Omaha, version 3, as update_engine of Flatcar speaks it. */

/** Clients send about a kilobyte; more than this is refused unread. */
export const MAX_REQUEST_BYTES: number = 64 * 1024;

/** `<request>`. */
export interface OmahaRequest {
  readonly protocol: string;
  /** Of the client: `update_engine-0.4.2`. */
  readonly version: string;
  readonly installSource: string;
  readonly os: { readonly version: string; readonly platform: string; readonly sp: string };
  readonly apps: readonly OmahaApp[];
}

/** `<app>` of a request. */
export interface OmahaApp {
  readonly appid: string;
  /** What runs now. */
  readonly version: string;
  /** The group, or channel. */
  readonly track: string;
  readonly bootid: string;
  readonly oem: string;
  readonly machineid: string;
  readonly machinealias: string;
  readonly board: string;
  readonly hasPing: boolean;
  readonly hasUpdateCheck: boolean;
  readonly events: readonly OmahaEvent[];
}

/** `<event>`. */
export interface OmahaEvent {
  readonly type: number;
  readonly result: number;
  readonly errorCode: number | undefined;
  readonly previousVersion: string;
}

/** What a client reports, in words. */
export type OmahaProgress =
  | { readonly kind: 'download-started' | 'download-finished' | 'installed' }
  /** It runs the new version. */
  | { readonly kind: 'updated'; readonly previousVersion: string }
  | { readonly kind: 'rolled-back' }
  | { readonly kind: 'failed'; readonly errorCode: number };

/** The error code of a machine that fell back to its old version. */
const ROLLED_BACK = 44;

/**
 * What an event says. Nothing for those that say nothing: every check carries a "success" with an empty previous version when there was no
 * update.
 */
export function progressOf({
  type,
  result,
  errorCode,
  previousVersion,
}: OmahaEvent): OmahaProgress | undefined {
  if (result === 0) {
    return errorCode === ROLLED_BACK
      ? { kind: 'rolled-back' }
      : { kind: 'failed', errorCode: errorCode ?? 0 };
  }
  if (type === 13) return { kind: 'download-started' };
  if (type === 14) return { kind: 'download-finished' };
  if (type === 800) return { kind: 'installed' };
  if (type !== 3) return undefined;
  if (result === 1) return { kind: 'installed' };
  const isUpdate = result === 2 && previousVersion !== '' && previousVersion !== '0.0.0.0';
  return isUpdate ? { kind: 'updated', previousVersion } : undefined;
}

/** `<app>` of an answer. */
export interface OmahaAnswer {
  readonly appid: string;
  /** `ok`, or why the application is refused. */
  readonly status: string;
  readonly hasPing: boolean;
  readonly events: number;
  /** There when the client asked. Clients understand an update or none; every other word makes them fail. */
  readonly updateCheck?: OmahaUpdate | 'noupdate';
}

/** An update a client is sent to. */
export interface OmahaUpdate {
  readonly version: string;
  /** Where the package is, with a slash at its end. */
  readonly codebase: string;
  readonly packageName: string;
  readonly sizeBytes: number;
  /** Base64. */
  readonly sha1: string;
  /** Base64. */
  readonly sha256: string;
  /** Seconds until the client asks again. */
  readonly pollSeconds?: number;
}
