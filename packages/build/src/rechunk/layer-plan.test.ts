import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContentGroup } from './content-group.ts';
import { planLayers } from './layer-plan.ts';

function group(name: string, sizeBytes: number, change: ContentGroup['change'] = 'rarely'): ContentGroup {
  return { name, change, sizeBytes, files: [] };
}

/** A distribution: a few large packages, many small ones, what is generated. */
function distribution(): readonly ContentGroup[] {
  return [
    ...Array.from({ length: 40 }, (_, index) => group(`package:large${index}`, 2_000_000 + index * 50_000)),
    ...Array.from({ length: 200 }, (_, index) => group(`package:small${index}`, 10_000 + index * 100)),
    ...Array.from({ length: 20 }, (_, index) => group(`package:updated${index}`, 90_000, 'sometimes')),
    group('etc', 100_000, 'always'),
    group('initramfs', 30_000_000, 'always'),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where each group is. */
function places(groups: readonly ContentGroup[], maxLayers: number, earlier?: ReadonlyMap<string, string>) {
  const layers = planLayers(groups, maxLayers, earlier);
  return new Map(layers.flatMap((layer) => layer.groups.map((each) => [each.name, layer.name] as const)));
}

/** Layers that are not in both plans with the same groups. */
function changedLayers(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const contents = (plan: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
    const lists = new Map<string, string>();
    for (const [name, layer] of plan) lists.set(layer, `${lists.get(layer) ?? ''} ${name}`);
    return lists;
  };
  const old = contents(before);
  return [...contents(after)].filter(([layer, list]) => old.get(layer) !== list).map(([layer]) => layer);
}

describe('a plan of layers', () => {
  test('puts every group into one layer, in no more layers than asked for', () => {
    const anyGroup = fc.record({
      name: fc.string({ minLength: 1 }),
      sizeBytes: fc.nat({ max: 10_000_000 }),
      change: fc.constantFrom('rarely', 'sometimes', 'always'),
    });
    const anyPlaces = fc.dictionary(fc.string(), fc.constantFrom('rarely-01', 'sometimes-999', 'x', ''));
    fc.assert(
      fc.property(
        fc.uniqueArray(anyGroup, { selector: ({ name }) => name, maxLength: 60 }),
        fc.integer({ min: 5, max: 40 }),
        anyPlaces,
        (all, maxLayers, earlier) => {
          const groups = all.map((each) => ({ ...each, files: [] }));
          const layers = planLayers(groups, maxLayers, new Map(Object.entries(earlier)));
          expect(layers.length).toBeLessThan(maxLayers);
          const placed = layers.flatMap((layer) => layer.groups.map(({ name }) => name));
          expect(placed.toSorted()).toEqual(groups.map(({ name }) => name).toSorted());
        },
      ),
    );
  });

  test('gives the largest groups a layer of their own and keeps what is generated apart', () => {
    const plan = places(distribution(), 96);
    expect(plan.get('package:large39')).toBe('package:large39');
    expect(plan.get('package:small1')).toMatch(/^rarely-\d\d$/);
    expect(plan.get('package:updated1')).toMatch(/^sometimes-\d\d$/);
    expect(plan.get('etc')).toBe('generated');
    expect(plan.get('initramfs')).toBe('initramfs');
  });

  test('has what changes rarely below what changes often', () => {
    const names = planLayers(distribution(), 96).map(({ name }) => name);
    expect(names[0]).toBe('rarely-01');
    expect(names.indexOf('package:large1')).toBeLessThan(names.indexOf('sometimes-01'));
    expect(names.slice(-2).toSorted()).toEqual(['generated', 'initramfs']);
  });

  test('changes one layer when a small package comes, without knowing of the plan before', () => {
    const before = distribution();
    const after = [...before, group('package:new', 40_000)].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(changedLayers(places(before, 96), places(after, 96))).toHaveLength(1);
  });

  test('keeps groups where they were, whatever their sizes are now', () => {
    const before = distribution();
    const earlier = places(before, 96);
    const after = before.map((each) => ({
      ...each,
      sizeBytes: 3_000_000 - Math.min(each.sizeBytes, 2_900_000),
    }));
    expect(changedLayers(earlier, places(after, 96, earlier))).toEqual([]);
  });

  test.each([0, 4, 501, Number.NaN])('refuses %s layers', (count) => {
    expect(() => planLayers(distribution(), count)).toThrow(/cannot make/);
  });
});
