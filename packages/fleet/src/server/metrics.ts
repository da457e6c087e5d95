import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus reads. No label has more values than there are fleets. */
export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<'route' | 'status'>;
  readonly requestSeconds: Histogram<'route'>;
  readonly checkIns: Counter<'outcome'>;
  readonly devices: Gauge<'organisation' | 'fleet' | 'state'>;
  readonly connections: Gauge<'organisation' | 'state'>;
}

export function makeMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'slipway_fleet_requests_total',
      help: 'Requests answered, by route and status.',
      labelNames: ['route', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'slipway_fleet_request_seconds',
      help: 'Time from a request to its answer, without those that wait for a change.',
      labelNames: ['route'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    checkIns: new Counter({
      name: 'slipway_fleet_check_ins_total',
      help: 'Check-ins of devices, by whether they told something new.',
      labelNames: ['outcome'],
      registers,
    }),
    devices: new Gauge({
      name: 'slipway_fleet_devices',
      help: 'Devices by fleet and update state.',
      labelNames: ['organisation', 'fleet', 'state'],
      registers,
    }),
    connections: new Gauge({
      name: 'slipway_fleet_connections',
      help: 'Devices by connection state.',
      labelNames: ['organisation', 'state'],
      registers,
    }),
  };
}
