import type { CheckIn, CheckInAnswer, DeviceReport } from '@slipway/fleet-api';
import type { DeviceConnection } from './device-connection.ts';

const REPORT: DeviceReport = {
  agentVersion: '0.1.0',
  architecture: 'amd64',
  bootId: '5f0c7c1e-8b0f-4a53-9d6b-1f2f4c1f6f0a',
  timeZone: 'UTC',
  image: {
    booted: { reference: 'registry.example/bench:v1', digest: `sha256:${'1'.repeat(64)}` },
    staged: null,
    rollback: null,
  },
  update: { phase: 'idle', updateId: null, target: null },
  health: { state: 'healthy', checks: [{ name: 'bench', state: 'passed' }] },
  etcDriftCount: 0,
  freeBytes: 8 * 2 ** 30,
  facts: { simulated: true, kernel: '6.12', cpus: 4, memoryBytes: 8 * 2 ** 30 },
};
const TAG = 'bench-1';

/** A device that has nothing new to say, as nearly all have nearly always: what it remembers between two check-ins. */
export class LoadDevice {
  readonly #connection: DeviceConnection;
  #desiredTag: string | undefined;

  constructor(connection: DeviceConnection) {
    this.#connection = connection;
  }

  /** The first check-in: the report is news, and so is what the device should be. */
  async introduce(): Promise<void> {
    await this.#say({ reportTag: TAG, report: REPORT });
  }

  /** @throws Error when the server does not answer, or knows less of the device than it was told */
  async checkIn(): Promise<void> {
    const answer = await this.#say({
      reportTag: TAG,
      ...(this.#desiredTag === undefined ? {} : { desiredTag: this.#desiredTag }),
    });
    if (answer.reportWanted) throw new Error('the server forgot the report of a device');
  }

  close(): void {
    this.#connection.close();
  }

  async #say(body: CheckIn): Promise<CheckInAnswer> {
    const text = await this.#connection.post('/api/v1/device/check-in', JSON.stringify(body));
    const answer = JSON.parse(text) as CheckInAnswer;
    this.#desiredTag = answer.desiredTag;
    return answer;
  }
}
