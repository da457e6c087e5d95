/** The grammar of containers-registries.d(5). Apart, because zod costs 30 ms to load. */
import * as z from 'zod';

/** One scope. */
export interface RegistriesEntryJson {
  readonly lookaside?: string | undefined;
  readonly sigstore?: string | undefined;
  readonly 'use-sigstore-attachments'?: boolean | undefined;
}

/** One file. */
export interface RegistriesFileJson {
  readonly 'default-docker'?: RegistriesEntryJson | undefined;
  readonly docker?: Readonly<Record<string, RegistriesEntryJson>> | undefined;
}

const place = z.string().regex(/^(?:file:\/\/\/|https?:\/\/)/, 'is not a file: or https: URL');

const entry: z.ZodType<RegistriesEntryJson> = z.object({
  lookaside: place.optional(),
  'lookaside-staging': place.optional(),
  sigstore: place.optional(),
  'sigstore-staging': place.optional(),
  'use-sigstore-attachments': z.boolean().optional(),
});

export const registriesFileSchema: z.ZodType<RegistriesFileJson> = z.object({
  'default-docker': entry.optional(),
  docker: z.record(z.string(), entry).optional(),
});
