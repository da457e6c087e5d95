import type { SshRevocations } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { SshCertificateRow } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';
import { writeRevocationList } from './revocation-list.ts';
import { sshKeyBlob } from './ssh-public-key.ts';

/** A certificate that was signed. What ended is forgotten: no ssh takes it, listed or not. */
export async function rememberSshCertificate(
  queries: Queries,
  row: Omit<SshCertificateRow, 'revoked_ms'>,
  nowMs: number,
): Promise<void> {
  await queries.deleteFrom('ssh_certificates').where('until_ms', '<=', nowMs).execute();
  await queries
    .insertInto('ssh_certificates')
    .values({ ...row, revoked_ms: null })
    .execute();
}

/** Whose certificates: those a device or a login has, or all a user had by whatever login. */
export type SshHolder =
  | { readonly kind: 'host' | 'user'; readonly holder: string }
  | { readonly kind: 'user'; readonly owner: string };

/** Revokes all certificates of a holder, in the transaction that ends its identity. */
export async function revokeSshCertificates(
  queries: Queries,
  whose: SshHolder & { readonly organisation: string },
  nowMs: number,
): Promise<void> {
  const [column, name] =
    'owner' in whose ? (['owner', whose.owner] as const) : (['holder', whose.holder] as const);
  await queries
    .updateTable('ssh_certificates')
    .set({ revoked_ms: nowMs })
    .where('organisation', '=', whose.organisation)
    .where('kind', '=', whose.kind)
    .where(column, '=', name)
    .where('revoked_ms', 'is', null)
    .execute();
}

/** What of an organisation's certificates is revoked now, as OpenSSH reads it. */
export async function sshRevocations(
  { queries, services, nowMs }: Pick<CallContext, 'queries' | 'services' | 'nowMs'>,
  organisation: string,
): Promise<SshRevocations> {
  const rows = await queries
    .selectFrom('ssh_certificates')
    .select(['serial', 'kind', 'public_key'])
    .where('organisation', '=', organisation)
    .where('revoked_ms', 'is not', null)
    .where('until_ms', '>', nowMs)
    .execute();
  const keys = await revokedHostKeys(queries, organisation, nowMs);
  const { sshAuthority } = services;
  const serialsOf = (kind: string): readonly bigint[] =>
    rows.filter((row) => row.kind === kind).map(({ serial }) => BigInt(serial));
  const list = writeRevocationList({
    number: BigInt(nowMs),
    generatedMs: nowMs,
    certificates: [
      { authority: sshAuthority.keyBlob('host'), serials: serialsOf('host') },
      { authority: sshAuthority.keyBlob('user'), serials: serialsOf('user') },
    ],
    keys: keys.map((key) => sshKeyBlob(Buffer.from(key, 'base64'))),
  });
  return {
    list: list.toString('base64'),
    certificates: rows.length,
    keys: keys.length,
    generatedAt: new Date(nowMs).toISOString(),
  };
}

/**
 * Keys of hosts that are devices no more, so that who knows one without its certificate does not take it either. A device that was let
 * in again has a certificate that is good for its key, and the key is good with it.
 */
async function revokedHostKeys(
  queries: Queries,
  organisation: string,
  nowMs: number,
): Promise<readonly string[]> {
  const ofHosts = queries
    .selectFrom('ssh_certificates')
    .select('public_key')
    .distinct()
    .where('organisation', '=', organisation)
    .where('kind', '=', 'host')
    .where('until_ms', '>', nowMs);
  const good = ofHosts.where('revoked_ms', 'is', null).where('public_key', 'is not', null);
  const rows = await ofHosts
    .where('revoked_ms', 'is not', null)
    .where('public_key', 'not in', good)
    .execute();
  return rows.map(({ public_key: key }) => key).filter((key) => key !== null);
}
