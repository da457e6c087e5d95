export type { AskAccess, AskedPurpose, Login } from './auth/gate.ts';
export { setUser } from './auth/set-user.ts';
export type { Access } from './auth/users-file.ts';
export type { Patience } from './http/exchange.ts';
export { type EmbeddedRegistry, type OpenRegistryOptions, openRegistry } from './open.ts';
export { type RegistryServer, type ServeRegistryOptions, serveRegistry } from './serve.ts';
export type { ArtefactFile } from './store/artefact-file.ts';
export { collectGarbage, type GarbageOptions, type GarbageReport } from './store/garbage.ts';
