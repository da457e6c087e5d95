import { decodeDevice } from '../erofs/device-number.ts';
import { LIMITS, MODE_TYPE } from '../erofs/format.ts';
import { isObjectPath, objectPath } from '../erofs/object-path.ts';
import type { FileContent, LeafNode } from '../tree.ts';
import { invalid } from './fields.ts';
import type { DumpLine } from './line.ts';

/**
 * The node a line describes, unless it is a directory.
 *
 * @throws SlipwayError DUMP_INVALID for a type, content or target that makes no sense
 */
export function leafOfLine(line: DumpLine): LeafNode {
  const { meta } = line;
  switch (line.type) {
    case MODE_TYPE.regular:
      return { kind: 'regular', meta, content: contentOfLine(line) };
    case MODE_TYPE.symlink:
      return { kind: 'symlink', meta, target: symlinkTarget(line) };
    case MODE_TYPE.characterDevice:
      return { kind: 'character-device', meta, ...decodeDevice(line.device) };
    case MODE_TYPE.blockDevice:
      return { kind: 'block-device', meta, ...decodeDevice(line.device) };
    case MODE_TYPE.fifo:
      return { kind: 'fifo', meta };
    case MODE_TYPE.socket:
      return { kind: 'socket', meta };
    default:
      throw invalid(`the mode ${line.type.toString(8)} is no file type`);
  }
}

function contentOfLine({ content, sizeBytes, digest, payload, usualPath }: DumpLine): FileContent {
  if (content !== undefined) {
    if (content.length !== sizeBytes) {
      throw invalid(`the content has ${content.length} bytes, the size says ${sizeBytes}`);
    }
    return { kind: 'inline', bytes: content };
  }
  if (sizeBytes === 0) return { kind: 'inline', bytes: Buffer.alloc(0) };
  if (usualPath) return { kind: 'object', sizeBytes, digest };
  const path = payload ?? '';
  if (path.length > LIMITS.payloadBytes || path.includes('\0')) throw invalid('the payload is no valid path');
  if (isObjectPath(path, digest)) return { kind: 'object', sizeBytes, digest };
  return { kind: 'object', sizeBytes, digest, payload: path };
}

function symlinkTarget({ payload, usualPath, digest }: DumpLine): string {
  const target = usualPath ? objectPath(digest) : (payload ?? '');
  if (target === '' || target.length > LIMITS.symlinkTargetBytes || target.includes('\0')) {
    throw invalid(`the symlink's target has ${target.length} bytes, or a NUL`);
  }
  return target;
}
