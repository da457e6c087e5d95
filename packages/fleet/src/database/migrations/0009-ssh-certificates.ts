import { type Kysely, sql } from 'kysely';

/** Certificates of ssh that were signed, to be revoked before they end. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('ssh_certificates')
    .addColumn('serial', 'text', (column) => column.primaryKey())
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('owner', 'text')
    .addColumn('public_key', 'text')
    .addColumn('until_ms', 'bigint', (column) => column.notNull())
    .addColumn('revoked_ms', 'bigint')
    .execute();
  for (const [name, columns] of INDEXES) {
    await database.schema.createIndex(name).on('ssh_certificates').columns(columns).execute();
  }
  await takeHostsFromAudit(database);
}

const INDEXES: readonly (readonly [string, string[]])[] = [
  ['ssh_certificates_by_holder', ['organisation', 'kind', 'holder']],
  ['ssh_certificates_by_revoked_ms', ['organisation', 'revoked_ms']],
  ['ssh_certificates_by_until_ms', ['until_ms']],
];

interface Issued {
  readonly organisation: string;
  readonly target: string;
  readonly detail: string;
  readonly name: string;
  readonly lifecycle: string;
  readonly updated_ms: number;
}

/** Certificates of hosts are good for a month, those of people for a day: what was signed before is known from the audit log. */
async function takeHostsFromAudit(database: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<Issued>`
    select audit.organisation, audit.target, audit.detail, devices.name, devices.lifecycle, devices.updated_ms
    from audit join devices on audit.actor = ${'device:'} || devices.name
    where audit.action = ${'device.ssh'} and audit.outcome = ${'done'}`.execute(database);
  for (const { organisation, target, detail, name, lifecycle, updated_ms: updatedMs } of rows) {
    const { notAfter } = JSON.parse(detail) as { readonly notAfter: string };
    const untilMs = Date.parse(notAfter);
    if (untilMs <= Date.now()) continue;
    const revokedMs = lifecycle === 'decommissioned' ? updatedMs : null;
    await sql`
      insert into ssh_certificates (serial, organisation, kind, holder, until_ms, revoked_ms)
      values (${target.slice('SshCertificate/'.length)}, ${organisation}, ${'host'}, ${name}, ${untilMs}, ${revokedMs})
      on conflict (serial) do nothing`.execute(database);
  }
}
