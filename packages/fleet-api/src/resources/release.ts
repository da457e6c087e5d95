import * as z from 'zod';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, digestSchema, lineSchema, nameSchema, textSchema } from './scalars.ts';

/**
 * The image of one architecture. All digests are the same release: pushed again, of the disk image, converted; the first is the one
 * that is deployed.
 */
export interface ReleaseImage {
  readonly architecture: string;
  /** Repository and, if you like, tag; the digest says which bytes. */
  readonly reference: string;
  readonly digests: readonly [string, ...string[]];
  /** The file clients of Omaha (update_engine of Flatcar) are given. */
  readonly payload?: UpdatePayload;
}

/** A file with an update: somewhere else, or in the registry of the server. */
export type UpdatePayload = PayloadElsewhere | PayloadArtifact;

/** A file on another server, and what it must be. */
export interface PayloadElsewhere {
  readonly url: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha1: string;
  /** `sha256:…` */
  readonly sha256: string;
}

/** A file this server gives out; what it must be the server finds out by itself. */
export interface PayloadArtifact {
  /** `REPOSITORY@DIGEST` of an artefact of one file in the registry of the server, the repository with its organisation. */
  readonly artifact: string;
}

/** A step to this release that is only taken where the risk does not apply. */
export interface Risk {
  readonly name: string;
  readonly message: string;
  readonly url?: string;
  /** Label selector of the devices it concerns; without it all of them. */
  readonly selector?: string;
  /** Releases it is a step from; without it from every one. */
  readonly from?: readonly string[];
}

export interface ReleaseSpec {
  /** Version people read; releases of a stream are ordered by it. */
  readonly version: string;
  /** `stable`, `testing`, … Default `stable`. */
  readonly stream?: string;
  readonly images: readonly ReleaseImage[];
  readonly notes?: string;
  /** Every device must pass through this release on its way to a later one. */
  readonly barrier?: { readonly reason: string };
  /** No way leads on from it. */
  readonly deadEnd?: { readonly reason: string };
  readonly risks?: readonly Risk[];
  /** Nobody is given it any more. */
  readonly withdrawn?: { readonly reason: string };
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ReleaseStatus {
  /** Devices that run it. */
  readonly devices: number;
  readonly fleets: readonly string[];
}

export type Release = Resource<'Release', ReleaseSpec, ReleaseStatus>;
export type ReleaseInput = ResourceInput<'Release', ReleaseSpec>;

const reason = z.strictObject({ reason: lineSchema.min(1) }).exactOptional();

function isFileUrl(text: string): boolean {
  if (!/^https?:\/\/[^?#]*[^/?#]$/.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname } = new URL(text);
  return `${username}${password}` === '' && pathname !== '/';
}

const payloadSchema: z.ZodType<UpdatePayload> = z.union([
  z.strictObject({
    url: z
      .string()
      .max(1024)
      .refine(isFileUrl, 'must be the https:// or http:// URL of a file, without query or fragment'),
    sizeBytes: z.int().min(1),
    sha1: z.string().regex(/^[0-9a-f]{40}$/, 'must be a SHA-1, in lower-case hex'),
    sha256: digestSchema.regex(/^sha256:/, 'must be a SHA-256'),
  }),
  z.strictObject({
    artifact: z
      .string()
      .max(512)
      .regex(
        /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}$/,
        'must be ORGANISATION/REPOSITORY@sha256:…, as slipway registry push-file prints it, without the host',
      ),
  }),
]);

const releaseSpecSchema: z.ZodType<ReleaseSpec> = z.strictObject({
  version: lineSchema.min(1).max(128),
  stream: nameSchema.exactOptional(),
  images: z
    .array(
      z.strictObject({
        architecture: nameSchema,
        reference: lineSchema.min(1).max(512),
        digests: z.tuple([digestSchema], digestSchema),
        payload: payloadSchema.exactOptional(),
      }),
    )
    .min(1)
    .max(32),
  notes: textSchema.exactOptional(),
  barrier: reason,
  deadEnd: reason,
  risks: z
    .array(
      z.strictObject({
        name: nameSchema,
        message: lineSchema.min(1),
        url: z.httpUrl().exactOptional(),
        selector: z.string().exactOptional(),
        from: z.array(nameSchema).exactOptional(),
      }),
    )
    .max(32)
    .exactOptional(),
  withdrawn: reason,
  metadata: z.record(z.string().max(128), z.string().max(4096)).exactOptional(),
});

export const releaseSchema: z.ZodType<Release> = resourceSchema(
  'Release',
  releaseSpecSchema,
  z.object({ devices: countSchema, fleets: z.array(z.string()) }),
);
export const releaseInputSchema: z.ZodType<ReleaseInput> = resourceInputSchema('Release', releaseSpecSchema);

/** Releases of a stream and the steps between them, as a picture shows them. */
export interface ReleaseGraph {
  readonly stream: string;
  readonly nodes: readonly {
    readonly release: string;
    readonly version: string;
    readonly barrier: string | null;
    readonly deadEnd: string | null;
    readonly withdrawn: string | null;
    readonly devices: number;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly risks: readonly string[];
  }[];
}

export const releaseGraphSchema: z.ZodType<ReleaseGraph> = z
  .object({
    stream: z.string(),
    nodes: z.array(
      z.object({
        release: z.string(),
        version: z.string(),
        barrier: z.string().nullable(),
        deadEnd: z.string().nullable(),
        withdrawn: z.string().nullable(),
        devices: countSchema,
      }),
    ),
    edges: z.array(z.object({ from: z.string(), to: z.string(), risks: z.array(z.string()) })),
  })
  .meta({ id: 'ReleaseGraph' });
