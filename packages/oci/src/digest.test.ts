import { createHash } from 'node:crypto';
import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DigestHasher, digestOf, isDigest, parseDigest, verifyStream } from './digest.ts';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('parseDigest', () => {
  test('takes sha256 and sha512', () => {
    expect(parseDigest(EMPTY)).toBe(EMPTY);
    const long = `sha512:${'0f'.repeat(64)}`;
    expect(parseDigest(long)).toBe(long);
  });

  for (const text of [
    '',
    'sha256:',
    EMPTY.toUpperCase(),
    EMPTY.slice(0, -1),
    `${EMPTY}0`,
    `${EMPTY}\n`,
    `sha512:${'0'.repeat(64)}`,
    `md5:${'0'.repeat(32)}`,
    `sha256:${'0'.repeat(63)}/`,
    '__proto__:00',
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'OCI_DIGEST_INVALID' }));
      expect(isDigest(text)).toBe(false);
    });
  }
});

describe('verifyStream', () => {
  async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield Buffer.from(part);
  }

  async function drain(stream: AsyncIterable<Uint8Array>): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += Buffer.from(chunk).toString();
    return text;
  }

  test('passes the right bytes', async () => {
    const digest = digestOf(Buffer.from('hello'));
    expect(await drain(verifyStream(chunks('hel', 'lo'), digest, 5))).toBe('hello');
    expect(await drain(verifyStream(chunks('hel', 'lo'), digest, undefined))).toBe('hello');
  });

  test('throws on wrong bytes, too few and too many', async () => {
    const digest = digestOf(Buffer.from('hello'));
    for (const stream of [
      verifyStream(chunks('hellO'), digest, 5),
      verifyStream(chunks('hell'), digest, 5),
      verifyStream(chunks('hello', '!'), digest, 5),
    ]) {
      await expect(drain(stream)).rejects.toSatisfy((error) => isSlipwayError(error, 'OCI_DIGEST_MISMATCH'));
    }
  });

  test('stops an endless stream at the promised size', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(100);
    }
    const stream = verifyStream(endless(), digestOf(Buffer.alloc(0)), 1000);
    await expect(drain(stream)).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
  });
});

test('hashes like node:crypto however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.constantFrom('sha256', 'sha512'),
      (parts, algorithm) => {
        const hasher = new DigestHasher(algorithm);
        for (const part of parts) hasher.update(part);
        const whole = Buffer.concat(parts);
        expect(hasher.sizeBytes).toBe(whole.length);
        expect(hasher.digest()).toBe(`${algorithm}:${createHash(algorithm).update(whole).digest('hex')}`);
      },
    ),
  );
});
