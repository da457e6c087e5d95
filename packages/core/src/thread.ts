/** Threads: apart from the rest, which starts without them. */
export { packThrown, type ThrownInThread, unpackThrown } from './thread/thrown.ts';
export { SMALL_NURSERY, WorkerScript } from './thread/worker-script.ts';
