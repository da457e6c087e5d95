import type { JsonSchema } from './progress.ts';

const TEXT: JsonSchema = { type: 'string' };
const FLAG: JsonSchema = { type: 'boolean' };
const ENTRY_OR_NULL: JsonSchema = orNull({ $ref: '#/$defs/BootEntry' });

/** What `slipway status --json` prints: `org.containers.bootc/v1`, and under `slipway` what we say beyond it. */
export const HOST_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Host',
  ...object({
    apiVersion: { const: 'org.containers.bootc/v1' },
    kind: { const: 'BootcHost' },
    metadata: object({ name: TEXT }),
    spec: object({
      image: orNull({ $ref: '#/$defs/ImageReference' }),
      bootOrder: { enum: ['default', 'rollback'] },
    }),
    status: object({
      staged: ENTRY_OR_NULL,
      booted: { ...ENTRY_OR_NULL, description: 'null on a machine that is not a host' },
      rollback: ENTRY_OR_NULL,
      otherDeployments: { type: 'array', items: { $ref: '#/$defs/BootEntry' } },
      rollbackQueued: FLAG,
      type: { enum: ['bootcHost', null] },
      usrOverlay: orNull(
        object({
          accessMode: { enum: ['readOnly', 'readWrite'] },
          persistence: { enum: ['transient', 'persistent'] },
        }),
      ),
    }),
    slipway: { $ref: '#/$defs/Slipway' },
  }),
  $defs: {
    ImageReference: object({ image: TEXT, transport: TEXT }),
    ImageStatus: object({
      image: { $ref: '#/$defs/ImageReference' },
      version: orNull(TEXT),
      timestamp: orNull({ ...TEXT, format: 'date-time' }),
      imageDigest: TEXT,
      architecture: TEXT,
    }),
    BootEntry: object({
      image: orNull({ $ref: '#/$defs/ImageStatus' }),
      cachedUpdate: orNull({ $ref: '#/$defs/ImageStatus' }),
      incompatible: FLAG,
      pinned: FLAG,
      softRebootCapable: FLAG,
      downloadOnly: FLAG,
      store: { type: 'null' },
      ostree: { type: 'null' },
      composefs: object({
        verity: { ...TEXT, description: 'id of the deployment' },
        bootType: { enum: ['Bls', 'Uki'] },
        bootloader: TEXT,
        bootDigest: orNull(TEXT),
        missingVerityAllowed: FLAG,
      }),
    }),
    Slipway: object({
      nextBoot: { ...orNull(TEXT), description: 'id of the deployment that boots next' },
      bootCounter: orNull(object({ triesLeft: { type: 'integer' }, triesDone: { type: 'integer' } })),
      health: { enum: ['bad', 'good', 'unconfirmed', 'unknown'] },
      checks: orNull(
        object({
          outcome: { enum: ['good', 'bad'] },
          deployment: TEXT,
          boot: TEXT,
          at: TEXT,
          checks: {
            type: 'array',
            items: object({
              name: TEXT,
              path: TEXT,
              kind: { enum: ['required', 'wanted'] },
              result: { enum: ['passed', 'failed', 'timed-out'] },
              exitCode: orNull({ type: 'integer' }),
              durationMs: { type: 'integer' },
              output: TEXT,
            }),
          },
        }),
      ),
      fallback: {
        ...orNull(
          object({ deployment: TEXT, image: orNull(TEXT), version: orNull(TEXT), at: TEXT, reason: TEXT }),
        ),
        description: 'the host went back by itself, and nothing newer was put in place since',
      },
      staged: orNull(
        object({
          deployment: TEXT,
          stagedAt: TEXT,
          etcPolicy: { enum: ['ours', 'theirs', 'fail'] },
          etcConflicts: { type: 'array', items: object({ path: TEXT, kind: TEXT }) },
          failure: orNull(object({ code: TEXT, message: TEXT, at: TEXT })),
        }),
      ),
      deployments: {
        type: 'array',
        description: 'every deployment once, as commands number them',
        items: object({
          index: { type: 'integer' },
          deployment: TEXT,
          role: { enum: ['staged', 'booted', 'rollback', 'other'] },
          pinned: FLAG,
          version: orNull(TEXT),
          bootable: FLAG,
        }),
      },
      denied: {
        type: 'array',
        description: 'images that did not come up and are not staged again by themselves',
        items: object({
          manifestDigest: orNull(TEXT),
          deployment: TEXT,
          image: orNull(TEXT),
          version: orNull(TEXT),
          since: TEXT,
          reason: TEXT,
        }),
      },
      bootCopies: {
        ...orNull({ type: 'array', items: object({ device: TEXT, reason: orNull(TEXT) }) }),
        description:
          'boot partitions of the other disks the root lies on, and why one is not up to date; empty when those disks are gone, null on a host that has one',
      },
      factoryReset: {
        enum: ['queued', null],
        description: 'the next boot brings /etc back to the image and empties /var',
      },
      transient: {
        type: 'array',
        description: 'what of the running system is in memory, and gone with the next boot',
        items: { enum: ['/', '/etc', '/var'] },
      },
      trust: {
        type: 'object',
        description: 'by id of the deployment, what the signature policy said of its image',
        properties: {},
        required: [],
        additionalProperties: object({
          kind: { enum: ['verified', 'unverified'] },
          policy: orNull(TEXT),
          rule: orNull(TEXT),
          signedBy: { type: 'array', items: TEXT },
        }),
      },
      history: {
        type: 'array',
        items: { type: 'object', properties: { time: TEXT, event: TEXT }, required: ['time', 'event'] },
      },
      problems: { type: 'array', items: TEXT },
      asOf: { ...orNull(TEXT), description: 'set when this was written down earlier for who is not root' },
    }),
  },
};

/** An object with exactly these fields present; readers pass over others. */
function object(properties: JsonSchema): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

function orNull(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] };
}
