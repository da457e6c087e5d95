/** What documents of image-spec and Docker's schema 2 must look like. Apart, because zod costs 30 ms to load. */
import * as z from 'zod';

/** Go writes empty maps and lists as null. */
type Strings = Record<string, string> | null | undefined;

/** A descriptor. */
export interface DescriptorJson {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string | null | undefined;
  readonly annotations?: Strings;
  readonly platform?:
    | { readonly architecture: string; readonly os: string; readonly variant?: string | null | undefined }
    | null
    | undefined;
}

/** An image manifest. */
export interface ManifestJson {
  readonly mediaType?: string | undefined;
  readonly config: DescriptorJson;
  readonly layers: DescriptorJson[];
  readonly annotations?: Strings;
}

/** An index. */
export interface IndexJson {
  readonly mediaType?: string | undefined;
  readonly manifests: DescriptorJson[];
}

/** The parts of a configuration Slipway reads. */
export interface ConfigJson {
  readonly architecture: string;
  readonly os: string;
  readonly created?: string | null | undefined;
  readonly config?: { readonly Labels?: Strings } | null | undefined;
  readonly rootfs: { readonly diff_ids: string[] | null };
}

/** One image of a Docker archive's `manifest.json`. */
export interface DockerArchiveEntryJson {
  readonly Config: string;
  readonly RepoTags?: string[] | null | undefined;
  readonly Layers: string[];
}

/** Far more layers, or variants, than any image has. */
const MAX_LAYERS = 4096;
const MAX_MANIFESTS = 65_536;

const digest: z.ZodType<string> = z
  .string()
  .regex(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, 'is not a sha256 or sha512 digest');
const text: z.ZodType<string> = z.string().max(255);
const strings: z.ZodType<Strings> = z.record(z.string(), z.string()).nullish();
const descriptor: z.ZodType<DescriptorJson> = z.object({
  mediaType: text,
  digest,
  size: z.int().min(0),
  artifactType: text.nullish(),
  annotations: strings,
  platform: z.object({ architecture: text, os: text, variant: text.nullish() }).nullish(),
});

/** image-spec manifest.md */
export const manifestSchema: z.ZodType<ManifestJson> = z.object({
  schemaVersion: z.literal(2),
  mediaType: text.optional(),
  config: descriptor,
  layers: z.array(descriptor).max(MAX_LAYERS),
  annotations: strings,
  manifests: z.undefined('stands in a document that also has layers').optional(),
});

/** image-spec image-index.md */
export const indexSchema: z.ZodType<IndexJson> = z.object({
  schemaVersion: z.literal(2),
  mediaType: text.optional(),
  manifests: z.array(descriptor).max(MAX_MANIFESTS),
  annotations: strings,
  layers: z.undefined('stands in a document that also has manifests').optional(),
  config: z.undefined('stands in a document that also has manifests').optional(),
});

/** image-spec config.md */
export const configSchema: z.ZodType<ConfigJson> = z.object({
  architecture: text,
  os: text,
  created: text.nullish(),
  config: z.object({ Labels: strings }).nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digest).max(MAX_LAYERS).nullable() }),
});

/** image-spec image-layout.md, `oci-layout` */
export const layoutSchema: z.ZodType<{ readonly imageLayoutVersion: string }> = z.object({
  imageLayoutVersion: z.literal('1.0.0'),
});

/** What `docker save` writes (moby image specification 1.2, "manifest.json"). */
export const dockerArchiveSchema: z.ZodType<DockerArchiveEntryJson[]> = z
  .array(
    z.object({
      Config: z.string().max(4096),
      RepoTags: z.array(z.string().max(4096)).max(MAX_MANIFESTS).nullish(),
      Layers: z.array(z.string().max(4096)).max(MAX_LAYERS),
    }),
  )
  .max(MAX_MANIFESTS);

/** The outcome of {@link check}. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Compares a value with a schema; the problem is one line naming the place. */
export function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  return { ok: false, problem: `${place}${issue?.message ?? 'is not valid'}`.slice(0, 300) };
}
