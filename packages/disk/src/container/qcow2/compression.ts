import { constants, createZstdCompress, deflateRaw } from 'node:zlib';
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

/** A cluster that waits for its lane, or is in it. */
interface PackJob {
  readonly cluster: Buffer;
  resolve(packed: Buffer): void;
  reject(error: Error): void;
}

/** A compressor that makes every write a frame of its own, one after the other. */
class Lane {
  readonly #stream = createZstdCompress({
    flush: constants.ZSTD_e_end,
    chunkSize: OUTPUT_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: CLUSTER_BITS },
  });
  readonly #waiting: PackJob[] = [];
  #job: PackJob | undefined;
  /** What has come out for the job. */
  #output: Buffer[] = [];

  constructor() {
    this.#stream.on('data', (chunk: Buffer) => this.#output.push(chunk));
    this.#stream.on('error', (error) => this.#job?.reject(error));
  }

  pack(cluster: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ cluster, resolve, reject });
      if (this.#job === undefined) this.#startNext();
    });
  }

  close(): void {
    this.#stream.destroy();
  }

  #startNext(): void {
    const job = this.#waiting.shift();
    this.#job = job;
    if (job === undefined) return;
    this.#output = [];
    this.#stream.write(job.cluster, (error) => {
      if (error !== undefined && error !== null) job.reject(error);
      else job.resolve(Buffer.concat(this.#output));
      this.#startNext();
    });
  }
}

/**
 * Keeps its compressors: setting one up for every cluster takes as long as packing it.
 *
 * INVARIANT: a lane packs the same clusters in the same order whatever the threads do. What a compressor makes of a cluster may depend on what
 * it packed before (one frame in some tens of thousands does), and the same disk has to become the same file.
 */
class ZstdPacker implements ClusterPacker {
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, () => new Lane());
  #packed = 0;

  pack(cluster: Buffer): Promise<Buffer> {
    const lane = this.#lanes[this.#packed % LANES];
    this.#packed += 1;
    return lane === undefined ? Promise.reject(new Error('internal error: no lane')) : lane.pack(cluster);
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }
}
