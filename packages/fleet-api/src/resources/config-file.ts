import * as z from 'zod';
import { digestSchema, nameSchema, textSchema } from './scalars.ts';
import { templateFault, templateSample } from './template.ts';

/** A file that a server answers with. It is asked for again when its `ETag` changed. */
export interface HttpSource {
  /** `https://…`; `http://…` into networks the server was allowed. Path and query may have placeholders, written for a URL. */
  readonly url: string;
  /** What is not this is refused, and not asked for again once it was had. */
  readonly digest?: string;
  /** Certificates its server is checked with, PEM, instead of those of the system. */
  readonly caCertificate?: string;
}

/** A file of a git repository that the server follows, at the newest commit it would apply. */
export interface GitSource {
  readonly repository: string;
  /** Path below the folder of the repository; may have placeholders. */
  readonly file: string;
}

/**
 * A file on every host of a fleet, from one of four places. `{{ .name }}` and `{{ .labels.site }}` are filled in per device; a device that
 * lacks a label keeps the configuration it has, and says why.
 */
export interface ConfigFile {
  readonly path: string;
  /** Octal; default 0644. */
  readonly mode?: string;
  readonly content?: string;
  readonly http?: HttpSource;
  readonly git?: GitSource;
  /** A file of the server's directory of secrets, below that of the fleet; may have placeholders. Only devices see what is in it. */
  readonly secret?: string;
  /** Whether what is in the file is a template. Default: `content` is, the others are not; a secret never is. */
  readonly template?: boolean;
}

/** A path that stays below where it begins, without hidden names. */
const RELATIVE = /^(?:[A-Za-z0-9_][A-Za-z0-9._+@:-]*\/)*[A-Za-z0-9_][A-Za-z0-9._+@:-]*$/;

/** Whether a path of a git file or a secret may be followed, once its placeholders are filled in. */
export function isRelativePath(path: string): boolean {
  return path.length <= 512 && RELATIVE.test(path);
}

const relativePathSchema = z
  .string()
  .max(512)
  .refine((path) => isRelativePath(templateSample(path)), 'must be a path without hidden names, . or ..');

const urlSchema = z
  .string()
  .max(2048)
  .refine(isUrl, 'must be https://…, with placeholders in path and query only, without user and password');

function isUrl(text: string): boolean {
  const [, origin] = /^(https?:\/\/[^/?#{}]+)(?:[/?]|$)/.exec(text) ?? [];
  const sample = templateSample(text);
  if (origin === undefined || sample.includes('{{') || !URL.canParse(sample)) return false;
  const { username, password, hash } = new URL(sample);
  return `${username}${password}${hash}` === '';
}

const hostPath = z
  .string()
  .max(1024)
  .regex(/^\/(etc|var)\/(?!.*(^|\/)\.\.?(\/|$))[^\0]+$/, 'must be a path under /etc or /var without . or ..');

/** As it is kept and answered. */
export const configFileSchema: z.ZodType<ConfigFile> = z.strictObject({
  path: hostPath,
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/)
    .exactOptional(),
  content: textSchema.exactOptional(),
  http: z
    .strictObject({
      url: urlSchema,
      digest: digestSchema.exactOptional(),
      caCertificate: textSchema.exactOptional(),
    })
    .exactOptional(),
  git: z.strictObject({ repository: nameSchema, file: relativePathSchema }).exactOptional(),
  secret: relativePathSchema.exactOptional(),
  template: z.boolean().exactOptional(),
});

/** As it is taken. */
export const configFileInputSchema: z.ZodType<ConfigFile> = configFileSchema.check(({ value, issues }) => {
  const { content, http, git, secret, template } = value;
  const complain = (message: string, path: string[]): void =>
    void issues.push({ code: 'custom', message, input: value, path });
  if ([content, http, git, secret].filter((each) => each !== undefined).length !== 1)
    complain('must have one of content, http, git and secret', []);
  if (secret !== undefined && template === true) complain('a secret is never a template', ['template']);
  const fault = content === undefined || template === false ? undefined : templateFault(content);
  if (fault !== undefined) complain(fault, ['content']);
});
