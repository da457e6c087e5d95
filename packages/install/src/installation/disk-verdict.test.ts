import { describe, expect, test } from 'vitest';
import type { BlockDevice } from '../block/block-device.ts';
import type { DiskSelection } from '../kickstart/disk-selection.ts';
import { testDevice } from '../testing/test-device.ts';
import { judgeDisks, verdictWords } from './disk-verdict.ts';

const ANY: DiskSelection = {
  use: [],
  ignore: [],
  clear: 'none',
  partitions: [],
  clearDrives: [],
  newLabel: undefined,
  initialisesUnreadable: false,
};

const device = (path: string, more: Partial<BlockDevice> = {}): BlockDevice =>
  testDevice(path, { sizeBytes: 20_000_000_000, ...more });

const EMPTY = device('/dev/sda', { model: 'Fast SSD', serial: '4711' });
const PHOTOS = device('/dev/sdb', {
  tableType: 'gpt',
  children: [device('/dev/sdb1', { type: 'part', fileSystem: 'ext4', label: 'photos' })],
});
const SYSTEM = device('/dev/sdc', { children: [device('/dev/sdc1', { type: 'part', mountpoints: ['/'] })] });
const MACHINE = [EMPTY, PHOTOS, SYSTEM, device('/dev/sr0', { type: 'rom' })];

describe('every disk of a machine is told what becomes of it', () => {
  test.each<[string, Partial<DiskSelection>, readonly string[]]>([
    ['two will do', {}, ['choose', 'choose', 'in-use']],
    ['an empty one is named', { use: ['sda'] }, ['install', 'excluded', 'excluded']],
    ['a full one is named', { use: ['sdb'] }, ['excluded', 'refuse', 'excluded']],
    ['it is cleared', { use: ['sdb'], clear: 'all' }, ['excluded', 'install', 'excluded']],
    [
      'another is cleared',
      { use: ['sdb'], clear: 'all', clearDrives: ['sda'] },
      ['excluded', 'refuse', 'excluded'],
    ],
    ['only Linux is cleared', { use: ['sdb'], clear: 'linux' }, ['excluded', 'refuse', 'excluded']],
    ['one in use is named', { use: ['sdc'], clear: 'all' }, ['excluded', 'excluded', 'in-use']],
    ['one is ignored', { ignore: ['sda'], clear: 'all' }, ['excluded', 'install', 'in-use']],
  ])('where %s', (_, selection, verdicts) => {
    expect(judgeDisks({ ...ANY, ...selection }, MACHINE).map(({ verdict }) => verdict)).toEqual(verdicts);
  });

  test('those that partitions are put on are taken, and no other', () => {
    const judge = (selection: Partial<DiskSelection>): readonly string[] =>
      judgeDisks({ ...ANY, ...selection }, [EMPTY, PHOTOS, device('/dev/sdd')], ['/dev/sda', '/dev/sdb']).map(
        ({ verdict }) => verdict,
      );
    expect(judge({})).toEqual(['install', 'refuse', 'excluded']);
    expect(judge({ clear: 'all' })).toEqual(['install', 'install', 'excluded']);
    expect(judge({ clear: 'all', ignore: ['sdb'] })).toEqual(['install', 'excluded', 'excluded']);
  });

  test('in words, what is lost in capitals', () => {
    const words = (selection: Partial<DiskSelection>): readonly string[] =>
      verdictWords(judgeDisks({ ...ANY, ...selection }, MACHINE));
    expect(words({ ignore: ['sda'], clear: 'all' })).toEqual([
      '/dev/sda (20.0 GB, Fast SSD, serial 4711): left as it is, it is none of those the file means',
      "/dev/sdb (20.0 GB): THE HOST IS INSTALLED HERE; LOST: /dev/sdb holds gpt; /dev/sdb1 holds ext4 'photos'",
      '/dev/sdc (20.0 GB): left as it is, /dev/sdc1 is mounted at /',
    ]);
    expect(words({ use: ['sda'] })[0]).toMatch(/: THE HOST IS INSTALLED HERE; it is empty$/);
    expect(words({ use: ['sdb'] })[1]).toMatch(/: refused, it is not empty .* clearpart --all .*'photos'$/);
    expect(words({})[0]).toMatch(/: one of several .* names one; it is empty$/);
    expect(verdictWords([])).toEqual(['this machine has no disk that can be written']);
  });
});
