import { nameSchema } from '@slipway/fleet-api';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { personOf } from './person.ts';

test('names become names of users, the best first', () => {
  const claims = { preferred_username: 'Anna Muster', email: 'anna@shop.example', name: ' Anna\tMuster ' };
  expect(personOf('i', '8F1', claims, 'groups')).toEqual({
    issuer: 'i',
    subject: '8F1',
    names: ['anna-muster', 'anna-shop.example', '8f1'],
    displayName: 'Anna Muster',
    groups: [],
  });
});

test.each([
  [{ groups: ['a', 'b', 7, ''] }, 'groups', ['a', 'b']],
  [{ groups: 'a' }, 'groups', ['a']],
  [{ realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
  [{ 'https://example.com/groups': ['a'] }, 'https://example.com/groups', ['a']],
  [{ groups: { a: 1 } }, 'groups', []],
  [{}, 'constructor.name', []],
])('groups of %j by %s', (claims, claim, groups) => {
  expect(personOf('i', 's', claims, claim).groups).toEqual(groups);
});

test('whatever a provider says, names are names', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (subject, said) => {
      const { names } = personOf('i', subject, { preferred_username: said, name: said }, 'groups');
      for (const name of names) expect(nameSchema.safeParse(name).success).toBe(true);
    }),
  );
});
