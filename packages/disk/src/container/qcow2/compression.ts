import { constants, createZstdCompress, deflateRaw, type ZstdCompress } from 'node:zlib';
import { CLUSTER_BITS, CLUSTER_BYTES, DEFLATE_WINDOW_BITS } from './format.ts';

/** How the clusters of a qcow2 image are packed; everything since QEMU 5.1 reads zstd. */
export type Qcow2Compression = 'none' | 'zlib' | 'zstd';

/** Packs clusters on the thread pool, many at a time, each by itself. */
export interface ClusterPacker {
  pack(cluster: Buffer): Promise<Buffer>;
  close(): void;
}

/** What a cluster becomes fits in one piece. */
const OUTPUT_BYTES: number = CLUSTER_BYTES + 1024;
/** Compressors kept ready. More than the thread pool has threads would only wait. */
const LANES = 8;

/** The packer of a compression; undefined for none. */
export function clusterPacker(compression: Qcow2Compression): ClusterPacker | undefined {
  if (compression === 'none') return undefined;
  return compression === 'zstd' ? new ZstdPacker() : DEFLATE_PACKER;
}

const DEFLATE_OPTIONS = { windowBits: DEFLATE_WINDOW_BITS, chunkSize: OUTPUT_BYTES };

const DEFLATE_PACKER: ClusterPacker = {
  pack: (cluster) =>
    new Promise((resolve, reject) => {
      deflateRaw(cluster, DEFLATE_OPTIONS, (error, packed) =>
        error === null ? resolve(packed) : reject(error),
      );
    }),
  close: () => undefined,
};

/** A compressor that makes every write a frame of its own, and what it has put out of the current one. */
interface Lane {
  readonly stream: ZstdCompress;
  output: Buffer[];
  settle: { resolve(packed: Buffer): void; reject(error: Error): void } | undefined;
}

/** Keeps its compressors: setting one up for every cluster takes as long as packing it. */
class ZstdPacker implements ClusterPacker {
  readonly #lanes: readonly Lane[];
  readonly #idle: Lane[];
  readonly #waiting: { readonly cluster: Buffer; readonly settle: NonNullable<Lane['settle']> }[] = [];

  constructor() {
    this.#lanes = Array.from({ length: LANES }, () => openLane());
    this.#idle = [...this.#lanes];
  }

  pack(cluster: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const lane = this.#idle.pop();
      if (lane === undefined) this.#waiting.push({ cluster, settle: { resolve, reject } });
      else this.#start(lane, cluster, { resolve, reject });
    });
  }

  close(): void {
    for (const { stream } of this.#lanes) stream.destroy();
  }

  #start(lane: Lane, cluster: Buffer, settle: NonNullable<Lane['settle']>): void {
    lane.output = [];
    lane.settle = settle;
    lane.stream.write(cluster, (error) => {
      lane.settle = undefined;
      if (error !== undefined && error !== null) {
        settle.reject(error);
        return;
      }
      settle.resolve(lane.output.length === 1 ? (lane.output[0] ?? cluster) : Buffer.concat(lane.output));
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(lane);
      else this.#start(lane, next.cluster, next.settle);
    });
  }
}

function openLane(): Lane {
  const stream = createZstdCompress({
    flush: constants.ZSTD_e_end,
    chunkSize: OUTPUT_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: CLUSTER_BITS },
  });
  const lane: Lane = { stream, output: [], settle: undefined };
  stream.on('data', (chunk: Buffer) => lane.output.push(chunk));
  stream.on('error', (error) => lane.settle?.reject(error));
  return lane;
}
