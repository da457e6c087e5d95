import type { Generated } from 'kysely';

/**
 * The tables, in the part of SQL that SQLite and PostgreSQL share: text, integers, JSON as text, times as milliseconds since 1970
 * (columns in `_ms`). Every row belongs to an organisation unless it is of the server itself.
 */
export interface Tables {
  readonly resources: ResourceRow;
  readonly devices: DeviceRow;
  readonly device_labels: DeviceLabelRow;
  readonly device_presence: DevicePresenceRow;
  readonly release_digests: ReleaseDigestRow;
  readonly timeline: TimelineRow;
  readonly enrolments: EnrolmentRow;
  readonly enrolment_tokens: EnrolmentTokenRow;
  readonly credentials: CredentialRow;
  readonly passwords: PasswordRow;
  readonly provider_logins: ProviderLoginRow;
  readonly audit: AuditRow;
  readonly chains: ChainRow;
  readonly events: EventRow;
  readonly idempotency: IdempotencyRow;
  readonly settings: SettingRow;
  readonly leases: LeaseRow;
  readonly rollouts: RolloutRow;
  readonly rollout_devices: RolloutDeviceRow;
  readonly reboot_locks: RebootLockRow;
  readonly git_repositories: GitRepositoryRow;
  readonly webhooks: WebhookRow;
  readonly config_sources: ConfigSourceRow;
  readonly operations: OperationRow;
  readonly client_states: ClientStateRow;
  readonly payload_files: PayloadFileRow;
  readonly ssh_certificates: SshCertificateRow;
}

/** Fleets, releases, policies, users, roles, organisations: what people write. */
export interface ResourceRow {
  readonly organisation: string;
  readonly kind: string;
  readonly name: string;
  readonly labels: string;
  readonly spec: string;
  readonly revision: number;
  readonly created_ms: number;
  readonly updated_ms: number;
}

export interface DeviceRow {
  readonly name: string;
  readonly organisation: string;
  readonly hostname: string;
  readonly labels: string;
  readonly spec: string;
  readonly revision: number;
  readonly created_ms: number;
  readonly updated_ms: number;
  readonly lifecycle: string;
  readonly fleet: string | null;
  /** Why it is in no fleet although it could be in one. */
  readonly fleet_problem: string | null;
  readonly report: string | null;
  readonly report_tag: string | null;
  /** Grows with each report. */
  readonly report_revision: Generated<number>;
  readonly architecture: string | null;
  readonly booted_digest: string | null;
  readonly staged_digest: string | null;
  readonly time_zone: string | null;
  readonly health: string | null;
  /** The order its report is of. */
  readonly update_id: string | null;
  readonly release: string | null;
  readonly phase: string;
  readonly failure: string | null;
  readonly desired_release: string | null;
  /** The order of a rollout, JSON, and a number that grows with each. */
  readonly update_order: string | null;
  readonly order_revision: number;
  /** Whose order it has, or had last. */
  readonly rollout: string | null;
  readonly denied: string;
  readonly certificate_serial: string | null;
  readonly previous_serial: string | null;
  readonly certificate_until_ms: number | null;
  readonly public_key: string;
  /** Why its configuration is not what the fleet says. */
  readonly config_problem: string | null;
}

/** Labels once more, to be selected by. */
export interface DeviceLabelRow {
  readonly device: string;
  readonly label: string;
  readonly value: string;
}

/** When a device was last seen: a narrow table, because it is written most. Every device has a row, from the moment it is let in. */
export interface DevicePresenceRow {
  readonly device: string;
  /** 0: never. */
  readonly seen_ms: number;
  readonly address: string | null;
  readonly interval_seconds: number;
}

export interface ReleaseDigestRow {
  readonly organisation: string;
  readonly digest: string;
  readonly release: string;
}

export interface TimelineRow {
  readonly id: Generated<number>;
  readonly device: string;
  readonly at_ms: number;
  readonly what: string;
  readonly message: string;
  readonly release: string | null;
}

export interface EnrolmentRow {
  readonly name: string;
  readonly organisation: string;
  readonly hostname: string | null;
  readonly public_key: string;
  readonly csr: string;
  readonly labels: string;
  readonly report: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly address: string | null;
  readonly decided_by: string | null;
  readonly decided_ms: number | null;
  readonly certificate: string | null;
  readonly revision: number;
  readonly created_ms: number;
  readonly updated_ms: number;
}

export interface EnrolmentTokenRow {
  readonly organisation: string;
  readonly name: string;
  readonly hash: string;
  readonly labels: string;
  readonly fleet: string | null;
  readonly uses_left: number;
  readonly expires_ms: number | null;
  readonly created_ms: number;
  readonly created_by: string;
}

/** What somebody shows to be known: a session or a token; only the hash of its secret is kept. */
export interface CredentialRow {
  readonly hash: string;
  readonly organisation: string;
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  readonly grants: string | null;
  readonly csrf: string | null;
  readonly created_ms: number;
  readonly expires_ms: number | null;
  readonly used_ms: number | null;
}

export interface PasswordRow {
  readonly organisation: string;
  readonly user: string;
  /** Empty where somebody has none, and logs in by the provider. */
  readonly hash: string;
  readonly origin: string;
  readonly login_ms: number | null;
}

/** A person as an identity provider knows them, and the user they are here. */
export interface ProviderLoginRow {
  readonly organisation: string;
  readonly issuer: string;
  /** Of all that a provider says of somebody only this never changes and is never given to another. */
  readonly subject: string;
  readonly user: string;
  /** Groups of the last login, JSON. */
  readonly groups: string;
}

export interface AuditRow {
  readonly organisation: string;
  readonly sequence: number;
  readonly at_ms: number;
  readonly actor: string;
  readonly address: string | null;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: string;
  readonly detail: string;
  readonly previous_hash: string;
  readonly hash: string;
}

/** The last link of each chain and counter; updating the row is what puts writers in a line. */
export interface ChainRow {
  readonly name: string;
  readonly sequence: number;
  readonly hash: string;
}

export interface EventRow {
  readonly sequence: number;
  readonly organisation: string;
  readonly at_ms: number;
  readonly kind: string;
  readonly name: string;
  readonly what: string;
  readonly message: string;
  readonly fleet: string | null;
}

export interface IdempotencyRow {
  readonly organisation: string;
  readonly actor: string;
  readonly key: string;
  readonly request_hash: string;
  readonly status: number;
  readonly body: string;
  readonly created_ms: number;
}

export interface SettingRow {
  readonly name: string;
  readonly value: string;
}

/** Who does something that only one replica may do, and until when. */
export interface LeaseRow {
  readonly name: string;
  readonly owner: string;
  readonly until_ms: number;
}

export interface RolloutRow {
  readonly organisation: string;
  readonly name: string;
  readonly fleet: string;
  readonly release: string;
  readonly labels: string;
  readonly spec: string;
  readonly state: string;
  readonly status: string;
  /** What the engine knows, JSON. */
  readonly engine: string;
  /** By batch, JSON: why its devices wait, but for those that say something else. */
  readonly whys: string;
  readonly revision: number;
  readonly created_ms: number;
  readonly updated_ms: number;
  readonly finished_ms: number | null;
}

export interface RolloutDeviceRow {
  readonly organisation: string;
  readonly rollout: string;
  readonly device: string;
  readonly batch: string;
  readonly state: string;
  /** Null of a device that waits: it waits as its batch does. */
  readonly why: string | null;
  readonly engine: string;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
}

/** A slot of a fleet that is taken: its holder may restart. */
export interface RebootLockRow {
  readonly organisation: string;
  readonly fleet: string;
  /** What the client calls itself. */
  readonly holder: string;
  /** The device that is, where it is one. */
  readonly owner: string | null;
  readonly reason: string;
  readonly acquired_ms: number;
  readonly expires_ms: number;
}

/** Where the server stands with a git repository it follows; what is wanted of it is a resource. */
export interface GitRepositoryRow {
  readonly organisation: string;
  readonly name: string;
  /** What the repository is read with. It must be shown to its server, so it cannot be a hash. */
  readonly token: string | null;
  /** The commit whose resources were all applied; null makes the next look read them anew. */
  readonly applied_commit: string | null;
  /** What git had when it was applied last, JSON. */
  readonly applied: string;
  /** What the last look found, JSON. */
  readonly outcome: string;
  /** When it is looked at next. Whoever moves it on, while it is what they read, looks. */
  readonly next_ms: number;
}

/** How far a webhook was told of events; what is wanted of it is a resource. */
export interface WebhookRow {
  readonly organisation: string;
  readonly name: string;
  /** What deliveries are signed with: it must be known, so it cannot be a hash. */
  readonly secret: string;
  /** The last event it was told of, or does not care for. */
  readonly sequence: number;
  readonly failures: number;
  readonly reason: string | null;
  readonly delivered_ms: number | null;
  /** When it may be told again. Whoever moves it on, while it is what they read, delivers. */
  readonly next_ms: number;
}

/** What a configuration takes from elsewhere, as it was when it was last had. */
export interface ConfigSourceRow {
  readonly organisation: string;
  readonly fleet: string;
  /** Hash of the source. */
  readonly key: string;
  /** Hash of what the fleet has of it, with placeholders. */
  readonly entry: string;
  /** JSON. */
  readonly source: string;
  /** The git repository it is in. */
  readonly repository: string | null;
  /** In base64. Of a secret never. */
  readonly content: string | null;
  /** Of the content; of a secret one with a key. */
  readonly digest: string | null;
  /** `ETag` or commit the content is of. */
  readonly version: string | null;
  /** Why it could not be had the last time. */
  readonly problem: string | null;
  /** When it is looked at next. Whoever moves it on, while it is what they read, looks. */
  readonly next_ms: number;
}

/** Something that takes its time, and how far it is. */
export interface OperationRow {
  readonly organisation: string;
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly target: string | null;
  /** Who asked, and from where: what it does is recorded as theirs. */
  readonly actor: string;
  readonly address: string | null;
  /** What it works through, JSON. */
  readonly work: string;
  /** Of so many, so many are done; only whoever did the one before does the next. */
  readonly done: number;
  readonly total: number;
  readonly message: string | null;
  readonly created_ms: number;
  readonly finished_ms: number | null;
  /** When another may take it up. Whoever moves it on, while it is what they read, is at it. */
  readonly next_ms: number;
}

/** What a device said last by a protocol of others: one row for each, whatever it says. */
export interface ClientStateRow {
  readonly device: string;
  /** In the terms of OCI. */
  readonly architecture: string;
  /** Of the release whose version it says it runs. */
  readonly booted_digest: string | null;
  /** How far its last update came. */
  readonly phase: string | null;
  readonly error_code: number | null;
  /** The order it had when it said so. */
  readonly update_id: string | null;
}

/** What a file of the registry must be, for clients that know other hashes than the registry. */
export interface PayloadFileRow {
  readonly digest: string;
  readonly size_bytes: number;
  /** Hexadecimal. */
  readonly sha1: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A certificate of ssh that has not ended. */
export interface SshCertificateRow {
  /** Decimal. */
  readonly serial: string;
  readonly organisation: string;
  /** `host` or `user`. */
  readonly kind: string;
  /** The device, or the login it was asked with: `user:anna`, `token:ci`. */
  readonly holder: string;
  /** Whose login that was. */
  readonly owner: string | null;
  /** Of a host, base64; null: signed by a version that did not keep it. */
  readonly public_key: string | null;
  readonly until_ms: number;
  readonly revoked_ms: number | null;
}
