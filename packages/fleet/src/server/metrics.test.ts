import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeMetrics } from './metrics.ts';

const EXAMPLES = join(import.meta.dirname, '../../../../examples/fleet');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

function rules(): readonly Rule[] {
  const text = readFileSync(join(EXAMPLES, 'alerts.yaml'), 'utf8');
  const { groups } = parse(text) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

function dashboardExpressions(): readonly string[] {
  const text = readFileSync(join(EXAMPLES, 'grafana-dashboard.json'), 'utf8');
  const { panels } = JSON.parse(text) as {
    readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

/** Every metric the server has, by the names Prometheus stores them under, with its labels. */
async function metricLabels(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { registry, requests, requestSeconds, checkIns, devices, connections } = makeMetrics();
  requests.inc({ route: 'r', status: '200' });
  requestSeconds.observe({ route: 'r' }, 1);
  checkIns.inc({ outcome: 'news' });
  devices.set({ organisation: 'o', fleet: 'f', state: 's' }, 1);
  connections.set({ organisation: 'o', state: 's' }, 1);
  const labels = new Map<string, ReadonlySet<string>>();
  for (const line of (await registry.metrics()).split('\n')) {
    const { name, inside = '' } = /^(?<name>slipway_[a-z_]+)(?:\{(?<inside>.*)\})? /.exec(line)?.groups ?? {};
    if (name !== undefined)
      labels.set(name, new Set([...inside.matchAll(/(\w+)="/g)].map(([, label = '']) => label)));
  }
  return labels;
}

test('alerts and dashboard ask only for metrics and labels the server has', async () => {
  const known = await metricLabels();
  const expressions = [...rules().map(({ expr }) => expr), ...dashboardExpressions()];
  expect(expressions.length).toBeGreaterThan(15);
  for (const expression of expressions) {
    const used = [...expression.matchAll(/(?<name>slipway_[a-z_]+)(?:\{(?<inside>[^}]*)\})?/g)];
    expect(used.length, expression).toBeGreaterThan(0);
    for (const { groups: { name = '', inside = '' } = {} } of used) {
      expect(known.has(name), `${name} in ${expression}`).toBe(true);
      for (const [, label = ''] of inside.matchAll(/(\w+)=~?"/g))
        expect(known.get(name), expression).toContain(label);
    }
    for (const [open, close] of ['()', '{}', '[]'] as const) {
      expect(expression.split(open ?? '').length, expression).toBe(expression.split(close ?? '').length);
    }
  }
});

test('every alert says what it means, how bad it is, and what to do', () => {
  const all = rules();
  expect(new Set(all.map(({ alert }) => alert)).size).toBe(all.length);
  for (const { alert, labels, annotations, ...rule } of all) {
    expect(alert).toMatch(/^SlipwayFleet[A-Z]/);
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(annotations.description.length).toBeGreaterThan(10);
  }
});

test('metrics have names in the way of Prometheus, and say what they are', async () => {
  const metrics = await makeMetrics().registry.getMetricsAsJSON();
  const ours = metrics.filter(({ name }) => name.startsWith('slipway_'));
  expect(ours).toHaveLength(5);
  for (const { name, help, type } of ours) {
    expect(name).toMatch(/^slipway_fleet_[a-z]+(_[a-z]+)*$/);
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(name.endsWith('_total'), name).toBe(String(type) === 'counter');
  }
});
