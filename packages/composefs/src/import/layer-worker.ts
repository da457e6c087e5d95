/**
 * The thread that reads layers: decompresses, verifies, takes the archive apart, writes objects. One layer at a time; its bytes
 * come from the main thread, which alone knows registries. What is allocated by the way is garbage of this thread, whose
 * heap is small, and never makes anyone walk through the tree of the image.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { packThrown } from '@slipway/core/thread';
import { unpackLayer } from '@slipway/oci/layers';
import { Store } from '../repository/store.ts';
import { type LayerOrder, type LayerReport, type LayerWorkerData } from './layer-worker-protocol.ts';
import { readLayer } from './read-layer.ts';

/** Orders not yet carried out, and who waits for the next one. */
class Orders {
  readonly #waiting: LayerOrder[] = [];
  #wake: (() => void) | undefined;

  add(order: LayerOrder): void {
    this.#waiting.push(order);
    this.#wake?.();
  }

  async next(): Promise<LayerOrder> {
    for (;;) {
      const order = this.#waiting.shift();
      if (order !== undefined) return order;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

async function work({ storePath, algorithm, verity }: LayerWorkerData): Promise<never> {
  const { objects } = new Store(storePath, { algorithm, verity });
  const orders = new Orders();
  parentPort?.on('message', (order: LayerOrder) => orders.add(order));
  for (;;) {
    const order = await orders.next();
    if (order.kind !== 'begin') continue;
    const { diffId, what } = order;
    try {
      const tar = unpackLayer(chunks(orders), { diffId, what }, { reuseChunks: true });
      const { record, count } = await readLayer(objects, tar, diffId);
      const own = record.buffer instanceof ArrayBuffer ? [record.buffer] : [];
      parentPort?.postMessage(
        { kind: 'read', record, count, sealing: objects.sealing } satisfies LayerReport,
        own,
      );
    } catch (thrown) {
      report({ kind: 'failed', failure: packThrown(thrown) });
    }
  }
}

/** The bytes of one layer. A reader that stops early leaves orders behind, which are passed over until the next layer begins. */
async function* chunks(orders: Orders): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const order = await orders.next();
    if (order.kind !== 'chunk') return;
    yield order.bytes;
    report({ kind: 'taken' });
  }
}

function report(message: LayerReport): void {
  parentPort?.postMessage(message, []);
}

void work(workerData as LayerWorkerData);
