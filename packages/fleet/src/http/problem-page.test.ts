import { expect, test } from 'vitest';
import { isForPeople, problemPage } from './problem-page.ts';

const PROBLEM = {
  type: 'https://slipway.dev/errors/fleet-unauthenticated',
  title: 'not logged in',
  status: 401,
  detail: 'cannot log in: <script>alert("1")</script> & more',
  code: 'FLEET_UNAUTHENTICATED',
  requestId: 'abc',
} as const;

test.each([
  ['/api/v1/login/oidc/callback', 'text/html,application/xhtml+xml', true],
  ['/api/v1/login/oidc', 'text/html', true],
  ['/api/v1/login/oidc/callback', 'application/json', false],
  ['/api/v1/login/oidc/callback', undefined, false],
  ['/api/v1/devices', 'text/html', false],
])('%s, asked for as %s: for people %s', (path, accept, expected) => {
  expect(isForPeople(path, accept)).toBe(expected);
});

test('nothing of what went wrong becomes markup', () => {
  const page = problemPage(PROBLEM);
  expect(page).not.toContain('<script>');
  expect(page).toContain('cannot log in: &#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; more');
  expect(page).not.toContain('What to do');
  expect(problemPage({ ...PROBLEM, hint: 'begin anew' })).toContain('What to do: begin anew.');
});
