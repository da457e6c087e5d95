import { invalid } from '../../http/problem.ts';

/**
 * Where to go after the login: a page of this server, whatever a link says. Backslashes and control characters are refused because
 * browsers read them as slashes or not at all.
 *
 * @throws SlipwayError FLEET_REQUEST_INVALID
 */
export function ownPath(returnTo: string | undefined, publicUrl: string): string {
  if (returnTo === undefined || returnTo === '') return '/';
  const isPath = /^\/(?![/\\])[\u0021-\u007e]*$/.test(returnTo) && !returnTo.includes('\\');
  const url = isPath && URL.canParse(returnTo, publicUrl) ? new URL(returnTo, publicUrl) : undefined;
  const isOwn = url?.origin === new URL(publicUrl).origin && !url.pathname.startsWith('//');
  if (url !== undefined && isOwn) return `${url.pathname}${url.search}${url.hash}`;
  throw invalid('cannot go back to a page of another server after the login');
}
