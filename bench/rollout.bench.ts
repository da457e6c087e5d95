/**
 * What a decision over a large fleet costs: one step of a rollout under every limit a policy knows, at its dearest moments.
 *
 *     node bench/rollout.bench.ts [DEVICES]
 */
import {
  type DeviceObservation,
  newRollout,
  parseSelector,
  planRollout,
  type Release,
  type RolloutPolicy,
  type RolloutState,
  releaseGraph,
  type StepResult,
  step,
} from '@slipway/fleet';
import { boundRow, printRows } from './rows.ts';

const DEVICES = Number(process.argv[2] ?? 100_000);
const GOAL_MS = 1000;
const MINUTE_MS = 60_000;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Los_Angeles',
  'Asia/Tokyo',
  'Australia/Adelaide',
];

const policy: RolloutPolicy = {
  batches: [
    { name: 'canary', selector: parseSelector('stage=canary'), limit: { count: 100 } },
    { name: 'tenth', limit: { share: 0.1 } },
  ],
  overTime: { startShare: 0.5, durationMs: 60 * MINUTE_MS },
  soakMs: 0,
  successThreshold: 0.9,
  errorThreshold: { share: 0.1, action: 'halt' },
  firstAlone: true,
  maxConcurrent: { count: 5000 },
  rate: { count: 20_000, periodMs: 60 * MINUTE_MS },
  disruptionBudget: { groupBy: ['store'], maxUnavailable: { share: 0.25 } },
  downloadWindows: [],
  applyWindows: [{ opens: '0 * * * *', durationMs: 50 * MINUTE_MS }],
  timeZone: 'UTC',
  alertGate: { alerts: ['FleetUnhealthy'] },
  approval: 'none',
  bandwidth: { totalBytesPerSecond: 10e9, deviceBytesPerSecond: 2e6 },
  updateTimeoutMs: 24 * 60 * MINUTE_MS,
  stableMs: MINUTE_MS,
};

const graph = releaseGraph(Array.from({ length: 50 }, (_, index) => release(index)));
let devices = Array.from({ length: DEVICES }, (_, index) => device(index));
let state: RolloutState = newRollout({ id: 'bench', target: '49' });
let nowMs = Date.UTC(2026, 0, 5);
let slowestMs = 0;

const planStarted = process.cpuUsage();
const { endMs = nowMs } = planRollout({
  policy,
  state,
  graph,
  devices,
  context: { nowMs, firingAlerts: [], deniedDigests: [] },
});
const planUsed = process.cpuUsage(planStarted);
process.stdout.write(
  `a plan of ${DEVICES} devices: CPU ${((planUsed.user + planUsed.system) / 1000).toFixed(0)} ms; it takes ${((endMs - nowMs) / 3_600_000).toFixed(1)} h\n`,
);

for (let round = 0; round < 40; round += 1) {
  const before = process.cpuUsage();
  const started = performance.now();
  const result = step({
    policy,
    state,
    graph,
    devices,
    context: { nowMs, firingAlerts: [], deniedDigests: [] },
  });
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  slowestMs = Math.max(slowestMs, tookMs);
  const told = result.decisions.length;
  process.stdout.write(
    `step ${round}: ${tookMs.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)} ms), ${told} told, ${result.changed.length} changed\n`,
  );
  state = result.state;
  devices = obeyed(devices, result);
  nowMs += MINUTE_MS;
}
printRows([boundRow(`the slowest decision over ${DEVICES} devices`, slowestMs, GOAL_MS)]);

function digest(index: number): string {
  return `sha256:${index.toString(16).padStart(64, '0')}`;
}

function release(index: number): Release {
  return {
    version: `${index}`,
    repository: 'registry.example.com/os',
    digests: ['amd64', 'arm64'].map((architecture, at) => ({
      digest: digest(index * 2 + at),
      role: 'image',
      architecture,
    })),
    metadata: {},
    ...(index % 20 === 10 ? { barrier: { reason: 'bench' } } : {}),
    risks: [{ name: 'Risk', message: 'bench', affects: parseSelector(`gpu=model-${index}`) }],
  };
}

function device(index: number): DeviceObservation {
  return {
    id: `device-${index.toString(36).padStart(8, '0')}`,
    labels: { stage: index % 50 === 0 ? 'canary' : 'prod', store: `${index % 5000}` },
    facts: { gpu: `model-${index % 100}`, kernel: '6.12' },
    architecture: index % 3 === 0 ? 'arm64' : 'amd64',
    timeZone: ZONES[index % ZONES.length] ?? 'UTC',
    online: index % 20 !== 7,
    bootedDigest: digest((index % 45) * 2 + (index % 3 === 0 ? 1 : 0)),
    health: 'healthy',
    deniedDigests: [],
  };
}

/** Every device does at once what it was told. */
function obeyed(before: readonly DeviceObservation[], { decisions }: StepResult): DeviceObservation[] {
  const orders = new Map(decisions.map((decision) => [decision.device, decision]));
  return before.map((each) => {
    const order = orders.get(each.id);
    if (order?.kind === 'stage') return { ...each, stagedDigest: order.digest };
    return order?.kind === 'apply' ? { ...each, bootedDigest: order.digest } : each;
  });
}
