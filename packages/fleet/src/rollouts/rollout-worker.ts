/**
 * The thread that decides about large fleets: it reads a hundred thousand devices, and what the engine makes of them is handed to the main
 * thread, which alone writes. Check-ins do not wait for any of it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { packThrown } from '@slipway/core/thread';
import { type FleetReader, openReader } from '../database/database.ts';
import { doJob } from './rollout-jobs.ts';
import type { WorkerAnswer, WorkerData, WorkerQuestion } from './rollout-thread.ts';
import { StepMemory } from './step-memory.ts';

const port = parentPort;
const { database } = workerData as WorkerData;
let reader: FleetReader | undefined;
/** When devices were seen, others know up to a minute before it is written; the engine allows for that. */
const presence = { lastSeen: () => undefined };
const memory = new StepMemory();

async function answer({ id, job }: WorkerQuestion): Promise<WorkerAnswer> {
  try {
    reader ??= openReader(database);
    return { id, result: await doJob(reader.queries, job, presence, memory) };
  } catch (thrown) {
    return { id, failure: packThrown(thrown) };
  }
}

port?.on('message', (question: WorkerQuestion) => {
  void answer(question).then((each) => port.postMessage(each));
});
