import { once } from 'node:events';
import type { Transform } from 'node:stream';
import type { ByteStream } from '@slipway/core';

/** A (de)compressor of node:zlib; `bytesWritten` counts what it has consumed. */
export type ZlibEngine = Transform & { readonly bytesWritten: number };

/** What came of feeding an engine. */
interface Feeding {
  fedBytes: number;
  /** Wrapped, for anything may be thrown, undefined included. */
  failure: { readonly error: unknown } | undefined;
}

/**
 * Drives a node:zlib engine with a stream, with back-pressure both ways.
 *
 * The error of the source passes through as it is; an error of the engine becomes what `onProblem`
 * makes of it, and so does input the engine left unread.
 */
export async function* throughEngine(
  source: ByteStream,
  engine: ZlibEngine,
  onProblem: (problem: string, cause?: unknown) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  const feeding: Feeding = { fedBytes: 0, failure: undefined };
  const fed = feed(source, engine, feeding);
  try {
    for await (const chunk of engine as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw feeding.failure === undefined
      ? onProblem('its data is damaged or cut short', error)
      : feeding.failure.error;
  } finally {
    // Also when the reader stops early: the feeder then sees the engine gone and closes the source.
    engine.destroy();
    await fed;
  }
  if (engine.bytesWritten !== feeding.fedBytes) throw onProblem('something stands after its end');
}

/** Never rejects: a failure of the source destroys the engine, whose reader reports it. */
async function feed(source: ByteStream, engine: ZlibEngine, feeding: Feeding): Promise<void> {
  try {
    for await (const chunk of source) {
      if (engine.destroyed || engine.readableEnded) return;
      feeding.fedBytes += chunk.length;
      if (!engine.write(chunk)) await roomIn(engine);
    }
    engine.end();
  } catch (error) {
    if (!engine.destroyed) feeding.failure = { error };
    engine.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Waits until the engine takes more, or is gone. */
async function roomIn(engine: ZlibEngine): Promise<void> {
  if (engine.destroyed || !engine.writableNeedDrain) return;
  const over = new AbortController();
  try {
    await Promise.race([
      once(engine, 'drain', { signal: over.signal }),
      once(engine, 'close', { signal: over.signal }),
    ]);
  } catch {
    // An error of the engine is reported by whoever reads it.
  } finally {
    over.abort();
  }
}
