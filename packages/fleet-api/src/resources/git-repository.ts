import * as z from 'zod';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, lineSchema, nameSchema, textSchema, timeSchema } from './scalars.ts';

/** A folder of a git repository that says what roles, policies, releases, fleets and devices shall be. */
export interface GitRepositorySpec {
  /** `https://…`, without user or password. */
  readonly url: string;
  /** Default: main. */
  readonly branch?: string;
  /** Folder whose files are read, with those below it. Default: all. */
  readonly path?: string;
  /** How often it is looked at. Default: 60. */
  readonly intervalSeconds?: number;
  /** What happens to what somebody changed on the server: set back (the default), or only shown. */
  readonly drift?: 'correct' | 'report';
  /** What is gone from git is deleted. Default: true. */
  readonly prune?: boolean;
  /** What it may change. Default: operator. */
  readonly role?: string;
  /** Certificates its server is checked with, PEM, instead of those of the system. */
  readonly caCertificate?: string;
  /** Public keys of SSH; if there are any, only commits signed by one of them are applied. */
  readonly signers?: readonly string[];
  /** User the token is of. Default: git. */
  readonly user?: string;
  /** Password or token of that user. Only in requests; never answered. */
  readonly token?: string;
}

/** A resource that is not, or was not, what git says. */
export interface GitChange {
  readonly kind: string;
  readonly name: string;
  readonly action: 'create' | 'update' | 'delete';
  /** `spec.selector`, `metadata.labels.stage`. */
  readonly fields: readonly string[];
  /** Somebody changed it on the server since git was applied last. */
  readonly isDrift: boolean;
  /** Why it was left as it is; null: it is now as git says. */
  readonly heldBack: string | null;
}

/** A mistake in a file of a repository, or why a resource of it could not be applied. */
export interface GitProblem {
  readonly file: string | null;
  readonly line: number | null;
  readonly message: string;
}

export interface GitRepositoryStatus {
  /** `drifted`: something on the server is not what git says, and was left so. */
  readonly state: 'waiting' | 'applied' | 'drifted' | 'failed';
  /** The commit that was looked at last. */
  readonly commit: string | null;
  readonly checkedAt: string | null;
  /** When something was changed last because git says so. */
  readonly changedAt: string | null;
  /** Resources git has. */
  readonly resources: number;
  readonly problems: readonly GitProblem[];
  /** What the last look that found a difference changed, and what it left. */
  readonly changes: readonly GitChange[];
  readonly hasToken: boolean;
}

export type GitRepository = Resource<'GitRepository', GitRepositorySpec, GitRepositoryStatus>;
export type GitRepositoryInput = ResourceInput<'GitRepository', GitRepositorySpec>;

const urlSchema = z
  .string()
  .max(1024)
  .refine(isPlainHttps, 'must be https://… without user, password, query or fragment');

function isPlainHttps(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return protocol === 'https:' && `${username}${password}${search}${hash}` === '';
}

/** The names git-check-ref-format(1) allows, less those that are hard to read. */
const branchSchema = z
  .string()
  .max(255)
  .regex(
    /^(?!.*(?:\.\.|\/\/|\.lock(?:\/|$)|\/\.))[A-Za-z0-9_][A-Za-z0-9._/+-]*(?<![./])$/,
    'must be the name of a branch',
  );
const pathSchema = z
  .string()
  .max(512)
  .regex(/^(?!.*(?:^|\/)\.)[A-Za-z0-9_][A-Za-z0-9._/ +-]*(?<!\/)$/, 'must be a folder within the repository');
/** `ssh-ed25519 AAAA… comment`; keys with options or of other forms are none. */
const signerSchema = z
  .string()
  .max(2048)
  .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}(?: [^\p{Cc}]*)?$/u, 'must be a public key of SSH');

const shape = {
  url: urlSchema,
  branch: branchSchema.exactOptional(),
  path: pathSchema.exactOptional(),
  intervalSeconds: z.int().min(10).max(86_400).exactOptional(),
  drift: z.enum(['correct', 'report']).exactOptional(),
  prune: z.boolean().exactOptional(),
  role: nameSchema.exactOptional(),
  caCertificate: textSchema.exactOptional(),
  signers: z.array(signerSchema).min(1).max(64).exactOptional(),
  user: z
    .string()
    .max(256)
    .regex(/^[^:\p{Cc}]+$/u, 'must have no colon')
    .exactOptional(),
};

const changeSchema: z.ZodType<GitChange> = z.object({
  kind: z.string(),
  name: z.string(),
  action: z.enum(['create', 'update', 'delete']),
  fields: z.array(z.string()),
  isDrift: z.boolean(),
  heldBack: z.string().nullable(),
});
const problemSchema: z.ZodType<GitProblem> = z.object({
  file: z.string().nullable(),
  line: countSchema.nullable(),
  message: z.string(),
});

export const gitRepositorySchema: z.ZodType<GitRepository> = resourceSchema(
  'GitRepository',
  z.object(shape),
  z.object({
    state: z.enum(['waiting', 'applied', 'drifted', 'failed']),
    commit: z.string().nullable(),
    checkedAt: timeSchema.nullable(),
    changedAt: timeSchema.nullable(),
    resources: countSchema,
    problems: z.array(problemSchema),
    changes: z.array(changeSchema),
    hasToken: z.boolean(),
  }),
);
export const gitRepositoryInputSchema: z.ZodType<GitRepositoryInput> = resourceInputSchema(
  'GitRepository',
  z.strictObject({ ...shape, token: lineSchema.min(1).exactOptional() }),
);
