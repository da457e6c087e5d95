import * as z from 'zod';
import {
  type GitRepository,
  type GitRepositoryInput,
  gitRepositoryInputSchema,
  gitRepositorySchema,
} from '../resources/git-repository.ts';
import {
  type ActionCall,
  actionRoute,
  type DeleteCall,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
  type PutCall,
  putRoute,
} from './crud.ts';
import type { RouteTable } from './route.ts';

/** Git repositories the server follows. */
export interface GitCalls {
  readonly 'gitRepositories.list': ListCall<GitRepository>;
  readonly 'gitRepositories.get': GetCall<GitRepository>;
  readonly 'gitRepositories.put': PutCall<GitRepositoryInput, GitRepository>;
  readonly 'gitRepositories.delete': DeleteCall;
  readonly 'gitRepositories.sync': ActionCall<object, GitRepository>;
}

const REPOSITORIES = {
  path: 'git-repositories',
  tag: 'Git',
  one: 'a git repository',
  many: 'git repositories',
  schema: gitRepositorySchema,
} as const;

export const GIT_ROUTES: RouteTable<GitCalls> = {
  'gitRepositories.list': listRoute({ ...REPOSITORIES, permission: 'git:read' }),
  'gitRepositories.get': getRoute({ ...REPOSITORIES, permission: 'git:read' }),
  'gitRepositories.put': putRoute({ ...REPOSITORIES, permission: 'git:write' }, gitRepositoryInputSchema),
  'gitRepositories.delete': deleteRoute({ ...REPOSITORIES, permission: 'git:write' }),
  'gitRepositories.sync': actionRoute(
    { ...REPOSITORIES, permission: 'git:write' },
    'sync',
    'look at a git repository now, as after a push',
    // What a git server sends along with its call says nothing that is needed.
    z.object({}),
  ),
};
