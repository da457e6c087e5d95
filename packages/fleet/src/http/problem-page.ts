import { type AnyRoute, allRoutes, type Problem } from '@slipway/fleet-api';

/** Nothing is loaded, and nothing runs: the page is text. */
export const PROBLEM_PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;

const REDIRECTING: ReadonlySet<string> = new Set([...allRoutes()].filter(isRedirect).map(({ path }) => path));

/**
 * Whether a person is there to read a refusal: a browser that was sent to an address which would send it on, as the login by an identity
 * provider does. Everybody else gets the document.
 */
export function isForPeople(path: string, accept: string | undefined): boolean {
  return REDIRECTING.has(path) && (accept ?? '').includes('text/html');
}

/** A refusal as a page that says what happened and leads back to the door. */
export function problemPage({ title, detail, hint, code, requestId }: Problem): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}small{opacity:.7}</style>
<main>
<h1>Nobody was logged in</h1>
<p>${escaped(detail)}</p>
${hint === undefined ? '' : `<p>What to do: ${escaped(hint)}.</p>\n`}<p><a href="/">Back to the login</a></p>
<p><small>${escaped(code)}${requestId === undefined ? '' : `, request ${escaped(requestId)}`}</small></p>
</main>
</html>
`;
}

function isRedirect({ method, status }: AnyRoute): boolean {
  return method === 'GET' && status === 302;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
