import { expect, test } from 'vitest';
import { BUILT_IN_ROLES, PERMISSIONS } from '../resources/permission.ts';
import { allRoutes, pathParams } from './table.ts';

test('no two routes share method and path', () => {
  const keys = allRoutes().map(({ method, path }) => `${method} ${path.replace(/\{[a-z]+\}/g, '{}')}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test('only login, enrolment and health are for everybody', () => {
  const open = allRoutes().filter(({ access }) => access.kind === 'public');
  expect(
    open
      .map(({ id }) => id.split('.')[0])
      .filter((noun) => !['health', 'sessions', 'oidc', 'enrol'].includes(noun ?? '')),
  ).toEqual([]);
});

test('what everybody may read or write by a role is asked for by some route, and the other way round', () => {
  const asked = new Set(
    allRoutes().flatMap(({ access }) => (access.kind === 'permission' ? [access.permission] : [])),
  );
  // The registry is not of this table: its own protocol asks for them.
  const unused = PERMISSIONS.filter(
    (permission) => !asked.has(permission) && !permission.startsWith('registry:'),
  );
  expect(unused).toEqual([]);
});

test('a viewer changes nothing', () => {
  const viewer = new Set<string>(BUILT_IN_ROLES.viewer);
  const changing = allRoutes().filter(
    ({ method, access, id }) =>
      method !== 'GET' &&
      id !== 'rollouts.plan' &&
      access.kind === 'permission' &&
      viewer.has(access.permission),
  );
  expect(changing).toEqual([]);
});

test('who operates does not approve, who approves does not operate', () => {
  expect(BUILT_IN_ROLES.operator).not.toContain('rollouts:approve');
  expect(BUILT_IN_ROLES.approver).not.toContain('rollouts:write');
});

test('paths name their parameters', () => {
  expect(pathParams('/api/v1/locks/{group}/{holder}')).toEqual(['group', 'holder']);
});
