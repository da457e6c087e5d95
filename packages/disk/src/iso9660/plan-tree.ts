import { roundUp, SlipwayError } from '@slipway/core';
import type { DiskFile } from '../tree.ts';
import { nameFields, nodeFields, rootFields } from './fields.ts';
import { MOST_DIRECTORIES, MOST_EXTENT_BYTES, MOST_LEVELS, MOST_NAME_BYTES, SECTOR_BYTES } from './format.ts';
import { compareIdentifiers, isoIdentifiers } from './identifier.ts';
import { FieldRoom, type RecordShape, shapeRecord } from './record.ts';
import type { IsoDirectory, IsoNode, IsoWrittenFile } from './tree.ts';

/** A file with content, and its place. */
export interface PlannedFile {
  readonly node: DiskFile | IsoWrittenFile;
  readonly path: string;
  sector: number;
}

/** One name in a directory. */
export interface PlannedName {
  readonly shape: RecordShape;
  readonly node: IsoNode;
  readonly directory: PlannedDirectory | undefined;
  /** Absent for what has no content. */
  readonly file: PlannedFile | undefined;
}

/** A directory, and its place. */
export interface PlannedDirectory {
  readonly node: IsoDirectory;
  readonly path: string;
  readonly identifier: string;
  /** Itself, where it is the root. */
  readonly parent: PlannedDirectory | undefined;
  /** Position in the path table, from 1. */
  readonly number: number;
  own: RecordShape;
  up: RecordShape;
  names: readonly PlannedName[];
  sizeBytes: number;
  sector: number;
}

/** A tree without places. */
export interface PlannedTree {
  /** In the order of the path table: by level, then by parent, then by name. */
  readonly directories: readonly PlannedDirectory[];
  /** In the order of the medium. */
  readonly files: readonly PlannedFile[];
  readonly fieldSectors: number;
  readonly pathTableBytes: number;
}

/** Identifiers of the records a directory begins with. */
const OWN = Buffer.from([0]);
const UP = Buffer.from([1]);

/** Names and shapes everything that is to stand on the medium. */
export function planTree(root: IsoDirectory): PlannedTree {
  const directories = listDirectories(root);
  const byNode = new Map(directories.map((directory) => [directory.node as IsoNode, directory]));
  const links = countLinks(directories);
  const serials = new Map<IsoNode, number>();
  const files = new Map<IsoNode, PlannedFile>();
  const room = new FieldRoom();

  function shape(identifier: Buffer, node: IsoNode, name?: string): RecordShape {
    const serial = serials.get(node) ?? serials.size + 1;
    serials.set(node, serial);
    const all = nodeFields(node, { serial, links: links.get(node) ?? 1 });
    return shapeRecord(identifier, name === undefined ? all : [...nameFields(name), ...all], room);
  }

  function planNames(directory: PlannedDirectory): readonly PlannedName[] {
    return sortedIdentifiers(directory.node).flatMap(([name, identifier]) => {
      const node = directory.node.entries.get(name);
      if (node === undefined) return [];
      const file = contentOf(node);
      if (file !== undefined && !files.has(node)) {
        files.set(node, { node: file, path: join(directory.path, name), sector: 0 });
      }
      return {
        shape: shape(Buffer.from(identifier, 'latin1'), node, name),
        node,
        directory: byNode.get(node),
        file: files.get(node),
      };
    });
  }

  for (const directory of directories) {
    directory.own = shape(OWN, directory.node);
    directory.up = shape(UP, directory.parent?.node ?? directory.node);
    if (directory.parent === undefined) directory.own = rootShape(directory.own, room);
    directory.names = planNames(directory);
    directory.sizeBytes = directoryBytes(directory);
  }
  return {
    directories,
    files: [...files.values()],
    fieldSectors: room.sectors,
    pathTableBytes: directories.reduce((sum, { identifier }) => sum + pathRecordBytes(identifier), 0),
  };
}

/** Bytes of a directory in a path table. */
export function pathRecordBytes(identifier: string): number {
  return roundUp(8 + Math.max(1, identifier.length), 2);
}

/** How many records it takes to say where a file is. */
export function extentsOf(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / MOST_EXTENT_BYTES));
}

/** Length of the records of a directory one after another; none crosses the end of a sector. */
export function* recordOffsets(directory: PlannedDirectory): Generator<readonly [RecordShape, number]> {
  let at = 0;
  const shapes = [
    directory.own,
    directory.up,
    ...directory.names.flatMap(({ shape, file }) =>
      Array.from({ length: file === undefined ? 1 : extentsOf(file.node.sizeBytes) }, () => shape),
    ),
  ];
  for (const shape of shapes) {
    const room = roundUp(at + 1, SECTOR_BYTES) - at;
    if (room < shape.lengthBytes) at += room;
    yield [shape, at];
    at += shape.lengthBytes;
  }
}

function directoryBytes(directory: PlannedDirectory): number {
  let end = 0;
  for (const [shape, at] of recordOffsets(directory)) end = at + shape.lengthBytes;
  return roundUp(end, SECTOR_BYTES);
}

function rootShape({ fields, areas, identifier }: RecordShape, room: FieldRoom): RecordShape {
  const { first, last } = rootFields();
  if (areas.length > 0) throw new SlipwayError('INTERNAL', 'cannot make a medium: its root has no room');
  return shapeRecord(identifier, [first, ...fields, last], room);
}

function listDirectories(root: IsoDirectory): readonly PlannedDirectory[] {
  const empty: RecordShape = { identifier: OWN, lengthBytes: 0, fields: [], areas: [] };
  const seen = new Set<IsoNode>();
  const make = (
    node: IsoDirectory,
    path: string,
    identifier: string,
    parent: PlannedDirectory | undefined,
    number: number,
  ): PlannedDirectory => {
    if (seen.has(node)) refuse(path, 'a directory has one name');
    seen.add(node);
    checkEntries(node, path);
    const place = { own: empty, up: empty, names: [], sizeBytes: 0, sector: 0 };
    return { node, path, identifier, parent, number, ...place };
  };
  const all: PlannedDirectory[] = [make(root, '', '\0', undefined, 1)];
  let level: readonly PlannedDirectory[] = all.slice();
  for (let depth = 1; level.length > 0; depth += 1) {
    const below: PlannedDirectory[] = [];
    for (const parent of level) {
      const children = [...parent.node.entries].filter(([, { kind }]) => kind === 'directory');
      if (children.length > 0 && depth === MOST_LEVELS) {
        refuse(
          join(parent.path, children[0]?.[0] ?? ''),
          `directories are at most ${MOST_LEVELS} levels deep`,
        );
      }
      for (const [name, identifier] of sortedIdentifiers(parent.node)) {
        const node = parent.node.entries.get(name);
        if (node?.kind !== 'directory') continue;
        const directory = make(node, join(parent.path, name), identifier, parent, all.length + 1);
        all.push(directory);
        below.push(directory);
        if (all.length > MOST_DIRECTORIES)
          refuse(directory.path, `there are more than ${MOST_DIRECTORIES} directories`);
      }
    }
    level = below;
  }
  return all;
}

function sortedIdentifiers(node: IsoDirectory): readonly (readonly [string, string])[] {
  const identifiers = isoIdentifiers(
    [...node.entries]
      .map(([name, { kind }]) => ({ name, isDirectory: kind === 'directory' }))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  );
  return [...identifiers].toSorted(([, one], [, other]) => compareIdentifiers(one, other));
}

function countLinks(directories: readonly PlannedDirectory[]): ReadonlyMap<IsoNode, number> {
  const links = new Map<IsoNode, number>();
  for (const { node } of directories) {
    let subdirectories = 0;
    for (const child of node.entries.values()) {
      if (child.kind === 'directory') subdirectories += 1;
      else links.set(child, (links.get(child) ?? 0) + 1);
    }
    links.set(node, 2 + subdirectories);
  }
  return links;
}

function checkEntries({ entries, meta }: IsoDirectory, path: string): void {
  if ((meta.xattrs?.size ?? 0) > 0) refuse(path, 'it has no extended attributes');
  for (const [name, node] of entries) {
    const at = join(path, name);
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || name.length > MOST_NAME_BYTES) {
      throw new SlipwayError(
        'DISK_NAME_INVALID',
        `cannot put ${at} on ISO 9660: a name is 1 to ${MOST_NAME_BYTES} bytes without / and NUL`,
      );
    }
    if ((node.meta.xattrs?.size ?? 0) > 0) refuse(at, 'it has no extended attributes');
    if (node.kind === 'file' && node.verity !== undefined) refuse(at, 'it has no fs-verity');
    if (node.kind === 'file' && node.data !== undefined) refuse(at, 'it has no holes');
  }
}

function contentOf(node: IsoNode): DiskFile | IsoWrittenFile | undefined {
  return node.kind === 'file' || node.kind === 'written-file' ? node : undefined;
}

function join(path: string, name: string): string {
  return `${path}/${Buffer.from(name, 'latin1').toString('utf8')}`;
}

function refuse(path: string, why: string): never {
  throw new SlipwayError('DISK_TREE_INVALID', `cannot put ${path === '' ? '/' : path} on ISO 9660: ${why}`, {
    details: { path },
  });
}
