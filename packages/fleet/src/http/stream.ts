import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Sends server-sent events. A reader that is slow slows the source; one that went away ends it. */
export function sendStream(events: AsyncIterable<string>, reply: FastifyReply): void {
  void reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    // Proxies must not collect them.
    .header('x-accel-buffering', 'no')
    .send(Readable.from(events, { objectMode: false }));
}
