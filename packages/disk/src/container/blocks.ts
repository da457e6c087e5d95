import { SlipwayError } from '@slipway/core';

/** How a disk is cut into blocks, and what becomes of them. */
export interface BlockPlan {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  /** Packs a block somewhere else, many at a time; blocks are placed as they are where absent. */
  readonly pack?: (block: Buffer, index: number) => Promise<Buffer>;
  /**
   * Takes the blocks that are not all zeros, ascending: packed, where they are, and plain. The plain bytes are used again when
   * the promise is fulfilled.
   */
  readonly place: (index: number, block: Buffer, plain: Buffer) => Promise<void>;
}

/** A disk on its way into a container that holds whole blocks. */
export interface BlockStream {
  /** @throws SlipwayError INTERNAL when writes do not ascend or leave the disk: a layout was computed wrongly */
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** Places what is still held. */
  end(): Promise<void>;
}

interface Job {
  readonly index: number;
  readonly plain: Buffer;
  readonly packed: Promise<Buffer>;
}

/** Blocks being packed at a time: enough to keep every thread busy, and never more than this together. */
const JOBS_BYTES = 8 * 1024 * 1024;
const JOBS_MOST = 32;

/** Gathers ascending writes into blocks; those of zeros only are left out. The last one is filled up with zeros. */
export function blockStream(plan: BlockPlan): BlockStream {
  const { sizeBytes, blockBytes, pack, place } = plan;
  const jobsUnderWay = Math.min(JOBS_MOST, Math.ceil(JOBS_BYTES / blockBytes));
  const zeros = Buffer.alloc(blockBytes);
  const jobs: Job[] = [];
  const spare: Buffer[] = [];
  let filling: Buffer = Buffer.alloc(blockBytes);
  let index = 0;
  let writtenEnd = 0;

  async function placeOldest(): Promise<void> {
    const job = jobs.shift();
    if (job === undefined) return;
    await place(job.index, await job.packed, job.plain);
    spare.push(job.plain.fill(0));
  }

  /** Sends the block being filled on its way and turns to another. */
  async function turnTo(next: number): Promise<void> {
    if (!zeros.equals(filling)) {
      if (pack === undefined) {
        await place(index, filling, filling);
        filling.fill(0);
      } else {
        const packed = pack(filling, index);
        // A failure is thrown where the job is placed; without this it would count as unhandled until then.
        packed.catch(() => undefined);
        jobs.push({ index, plain: filling, packed });
        filling = spare.pop() ?? Buffer.alloc(blockBytes);
        if (jobs.length >= jobsUnderWay) await placeOldest();
      }
    }
    index = next;
  }

  return {
    async write(offsetBytes, bytes) {
      if (offsetBytes < writtenEnd)
        throw new SlipwayError('INTERNAL', `cannot write at ${offsetBytes}: writes must ascend`);
      writtenEnd = offsetBytes + bytes.length;
      if (writtenEnd > sizeBytes) throw new SlipwayError('INTERNAL', `cannot write past ${sizeBytes} bytes`);
      for (let done = 0; done < bytes.length; ) {
        const block = Math.floor((offsetBytes + done) / blockBytes);
        if (block !== index) await turnTo(block);
        const within = (offsetBytes + done) % blockBytes;
        const part = bytes.subarray(done, done + blockBytes - within);
        filling.set(part, within);
        done += part.length;
      }
    },
    async end() {
      await turnTo(index);
      while (jobs.length > 0) await placeOldest();
    },
  };
}

/** @throws SlipwayError DISK_INVALID when a disk of that size cannot be put in a container of that kind */
export function checkDiskSize(sizeBytes: number, unitBytes: number, mostBytes: number, kind: string): void {
  if (Number.isSafeInteger(sizeBytes / unitBytes) && sizeBytes > 0 && sizeBytes <= mostBytes) return;
  const why = sizeBytes > mostBytes ? `at most ${mostBytes} fit` : `it takes multiples of ${unitBytes}`;
  throw new SlipwayError('DISK_INVALID', `cannot make a disk of ${sizeBytes} bytes as ${kind}: ${why}`, {
    hint: 'ask for another size',
    details: { sizeBytes, unitBytes, mostBytes },
  });
}
