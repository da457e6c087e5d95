import { expect, test } from 'vitest';
import { parseSystemdVersion } from '../systemd-version.ts';
import { parseAppArmorLabel, parseUnitState } from './services.ts';

test('what systemd says of a unit is read, whatever else it says', () => {
  const text = 'MainPID=71\nNRestarts=2\nResult=exit-code\nActiveState=activating\nOther=a=b\n';
  expect(parseUnitState(text)).toEqual({
    activeState: 'activating',
    mainPid: 71,
    restarts: 2,
    result: 'exit-code',
  });
  expect(parseUnitState('')).toEqual({ activeState: 'inactive', mainPid: 0, restarts: 0, result: 'success' });
});

test.each([
  ['slipway-app (enforce)\n', { profile: 'slipway-app', mode: 'enforce' }],
  ['a name (of two) (complain)', { profile: 'a name (of two)', mode: 'complain' }],
  ['unconfined\n', null],
  ['', null],
])('how AppArmor confines a process: %j', (text, label) => {
  expect(parseAppArmorLabel(text)).toEqual(label);
});

test.each([
  ['systemd 257 (257.9-1~deb13u1)\n+PAM +AUDIT', 257],
  ['systemd 252 (252.38-1~deb12u1)', 252],
  ['something else', 0],
])('the version of systemd: %j', (text, version) => {
  expect(parseSystemdVersion(text)).toBe(version);
});
