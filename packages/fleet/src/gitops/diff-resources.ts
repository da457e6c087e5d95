/** A resource as far as comparing goes. */
export interface Comparable {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
}

/** One field that is not what git wants. */
export interface FieldChange {
  /** `spec.selector`, `metadata.labels.stage`. */
  readonly path: string;
  /** What the server has; absent: nothing. */
  readonly from?: unknown;
  /** What it should have; absent: nothing. */
  readonly to?: unknown;
  /** Somebody changed it on the server since git was applied last. */
  readonly isDrift: boolean;
}

export interface ResourceChange {
  readonly kind: string;
  readonly name: string;
  readonly action: 'create' | 'update' | 'delete' | 'unchanged';
  readonly changes: readonly FieldChange[];
}

/** Where git, the server, and what git had when it was applied last stand. */
export interface Sides {
  readonly git: readonly Comparable[];
  readonly server: readonly Comparable[];
  readonly lastApplied: readonly Comparable[];
}

/**
 * Says what to do so that the server is what git wants, as `kubectl apply` does: fields git has are set; fields git had and has no longer
 * are removed; fields only the server has are not git's business, and stay. Resources that were never in git are left alone.
 */
export function diffResources({ git, server, lastApplied }: Sides): readonly ResourceChange[] {
  const [wanted, present, before] = [byName(git), byName(server), byName(lastApplied)];
  const names = new Set([...wanted.keys(), ...before.keys()]);
  return [...names].sort().flatMap((key) => {
    const change = diffOne(wanted.get(key), present.get(key), before.get(key));
    return change === undefined ? [] : [change];
  });
}

function byName(resources: readonly Comparable[]): ReadonlyMap<string, Comparable> {
  return new Map(resources.map((resource) => [`${resource.kind}/${resource.metadata.name}`, resource]));
}

function diffOne(
  wanted: Comparable | undefined,
  present: Comparable | undefined,
  before: Comparable | undefined,
): ResourceChange | undefined {
  const { kind, metadata } = wanted ?? before ?? present ?? { kind: '', metadata: { name: '' } };
  const said = { kind, name: metadata.name };
  if (wanted === undefined)
    return present === undefined ? undefined : { ...said, action: 'delete', changes: [] };
  if (present === undefined) return { ...said, action: 'create', changes: [] };
  const changes = changesOf(
    '',
    contentOf(wanted),
    contentOf(present),
    before === undefined ? undefined : contentOf(before),
  );
  return { ...said, action: changes.length === 0 ? 'unchanged' : 'update', changes };
}

type Content = Readonly<Record<string, unknown>>;

function contentOf({ metadata, spec }: Comparable): Content {
  return { metadata: { labels: metadata.labels ?? {} }, spec };
}

/** Lists are compared whole: their order means something. */
function changesOf(
  path: string,
  wanted: Content,
  present: Content,
  before: Content | undefined,
): readonly FieldChange[] {
  const keys = new Set([...Object.keys(wanted), ...Object.keys(before ?? {})]);
  return [...keys].flatMap((key) => {
    const at = path === '' ? key : `${path}.${key}`;
    const [to, from, had] = [own(wanted, key), own(present, key), own(before ?? {}, key)];
    if (isContent(to) && isContent(from)) return changesOf(at, to, from, isContent(had) ? had : undefined);
    if (isSame(to, from)) return [];
    const isDrift = before !== undefined && !isSame(from, had);
    return [
      { path: at, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), isDrift },
    ];
  });
}

function own(content: Content, key: string): unknown {
  return Object.hasOwn(content, key) ? content[key] : undefined;
}

function isContent(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, index) => isSame(each, b[index]));
  }
  if (!isContent(a) || !isContent(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], own(b, key)));
}

/** What the server has to be told: its own fields, with git's put in and taken out. */
export function mergedResource<Kind extends Comparable>(
  wanted: Kind,
  present: Comparable,
  before: Comparable | undefined,
): Kind {
  const merged = merge(
    contentOf(wanted),
    contentOf(present),
    before === undefined ? undefined : contentOf(before),
  );
  const { labels } = merged['metadata'] as { readonly labels: Readonly<Record<string, string>> };
  return { ...wanted, metadata: { ...wanted.metadata, labels }, spec: merged['spec'] };
}

function merge(wanted: Content, present: Content, before: Content | undefined): Content {
  const kept = Object.entries(present).filter(
    ([key]) => Object.hasOwn(wanted, key) || !Object.hasOwn(before ?? {}, key),
  );
  const merged = new Map(kept);
  for (const [key, to] of Object.entries(wanted)) {
    const [from, had] = [own(present, key), own(before ?? {}, key)];
    merged.set(
      key,
      isContent(to) && isContent(from) ? merge(to, from, isContent(had) ? had : undefined) : to,
    );
  }
  return Object.fromEntries(merged);
}
