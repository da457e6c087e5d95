import { SlipwayError } from '@slipway/core';

/** Takes one large stretch of bytes that the caller will not touch until the promise is fulfilled. */
export type StretchSink = (offsetBytes: number, bytes: Uint8Array) => Promise<void>;

/** An ascending writer that joins many small writes into few large ones. */
export interface CoalescingWriter {
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** Hands over what is still held and waits for everything handed over before. */
  flush(): Promise<void>;
}

/** One stretch; two of them are in memory at a time: one being filled, one being written. */
const STRETCH_BYTES = 2 * 1024 * 1024;
/** A hole up to this is filled with zeros: one write is cheaper than two. Larger ones stay holes. */
const JOINED_HOLE_BYTES = 4096;

/**
 * Joins neighbouring writes and keeps one of them in flight while the next is filled, so that whoever produces the bytes
 * and the kernel that takes them work at the same time.
 *
 * @throws SlipwayError INTERNAL from `write` when the order does not ascend
 */
export function coalescingWriter(sink: StretchSink): CoalescingWriter {
  let filling = Buffer.allocUnsafeSlow(STRETCH_BYTES);
  let spare = Buffer.allocUnsafeSlow(STRETCH_BYTES);
  let startBytes = 0;
  let length = 0;
  let inFlight: Promise<void> = Promise.resolve();

  async function handOver(): Promise<void> {
    if (length === 0) return;
    await inFlight;
    const stretch = filling.subarray(0, length);
    [filling, spare] = [spare, filling];
    inFlight = sink(startBytes, stretch);
    // The failure is thrown where it is awaited; without this it would count as unhandled until then.
    inFlight.catch(() => undefined);
    startBytes += length;
    length = 0;
  }

  /** Bytes that are a stretch by themselves are not copied into one. */
  async function passOn(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    await handOver();
    await inFlight;
    await sink(offsetBytes, bytes);
    startBytes = offsetBytes + bytes.length;
  }

  return {
    async write(offsetBytes, bytes) {
      const hole = offsetBytes - (startBytes + length);
      if (hole < 0) throw new SlipwayError('INTERNAL', `cannot write at ${offsetBytes}: writes must ascend`);
      if (bytes.length >= STRETCH_BYTES) {
        await passOn(offsetBytes, bytes);
        return;
      }
      if (length > 0 && hole > 0 && hole <= JOINED_HOLE_BYTES && length + hole < STRETCH_BYTES) {
        filling.fill(0, length, length + hole);
        length += hole;
      } else if (hole > 0) {
        await handOver();
        startBytes = offsetBytes;
      }
      let taken = 0;
      while (taken < bytes.length) {
        if (length === STRETCH_BYTES) await handOver();
        const part = bytes.subarray(taken, taken + STRETCH_BYTES - length);
        filling.set(part, length);
        length += part.length;
        taken += part.length;
      }
    },
    async flush() {
      await handOver();
      await inFlight;
    },
  };
}
