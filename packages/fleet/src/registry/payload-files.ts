import { createHash } from 'node:crypto';
import { checkHashed, type Digest, DigestHasher, digestAlgorithm, digestHex, isDigest } from '@slipway/oci';
import type { ArtefactFile, EmbeddedRegistry } from '@slipway/registry';
import type { FleetDatabase } from '../database/database.ts';

/** A file of the registry, with the hashes clients of others want of it. */
export interface PayloadFile {
  readonly file: ArtefactFile;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha1: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

type Hashes = Pick<PayloadFile, 'sizeBytes' | 'sha1' | 'sha256'>;

/**
 * Files of artefacts as updates. A file is read once to find out what it must be; that is kept in the database, for ever, by its digest:
 * a power cut before leaves nothing, and it is read once more.
 */
export class PayloadFiles {
  readonly #registry: Pick<EmbeddedRegistry, 'findFile' | 'readFile'>;
  readonly #database: FleetDatabase;
  /** By digest: who asks meanwhile waits for the same. */
  readonly #underWay = new Map<Digest, Promise<Hashes>>();

  constructor(registry: Pick<EmbeddedRegistry, 'findFile' | 'readFile'>, database: FleetDatabase) {
    this.#registry = registry;
    this.#database = database;
  }

  /**
   * The file of an artefact of an organisation; undefined when the registry has none, or it is another organisation's.
   *
   * @param artifact `REPOSITORY@DIGEST`
   * @throws SlipwayError OCI_MANIFEST_INVALID when the artefact is not one file, OCI_DIGEST_MISMATCH when it is damaged
   */
  async find(organisation: string, artifact: string): Promise<ArtefactFile | undefined> {
    const at = artifact.indexOf('@');
    const [repository, digest] = [artifact.slice(0, at), artifact.slice(at + 1)];
    if (!isOfOrganisation(artifact, organisation) || !isDigest(digest)) return undefined;
    return await this.#registry.findFile(repository, digest);
  }

  /** The same, with what it must be. */
  async findWithHashes(organisation: string, artifact: string): Promise<PayloadFile | undefined> {
    const file = await this.find(organisation, artifact);
    return file === undefined ? undefined : { file, ...(await this.#hashesOf(file)) };
  }

  async #hashesOf(file: ArtefactFile): Promise<Hashes> {
    const known = await this.#database.reads
      .selectFrom('payload_files')
      .select(['size_bytes', 'sha1', 'sha256'])
      .where('digest', '=', file.digest)
      .executeTakeFirst();
    if (known !== undefined) return { ...known, sizeBytes: known.size_bytes };
    const running = this.#underWay.get(file.digest) ?? this.#hash(file);
    this.#underWay.set(file.digest, running);
    return await running.finally(() => this.#underWay.delete(file.digest));
  }

  async #hash(file: ArtefactFile): Promise<Hashes> {
    const { digest, sizeBytes } = file;
    const [sha1, sha256] = [createHash('sha1'), new DigestHasher('sha256')];
    const named = digestAlgorithm(digest) === 'sha256' ? sha256 : new DigestHasher(digestAlgorithm(digest));
    for await (const chunk of this.#registry.readFile(file)) {
      for (const each of new Set([sha1, sha256, named])) each.update(chunk);
    }
    checkHashed(named, digest, sizeBytes, `${file.repository}@${digest}`);
    const hashes = {
      sizeBytes,
      sha1: sha1.digest('hex'),
      sha256: digestHex(named === sha256 ? digest : sha256.digest()),
    };
    await this.#database.transact(
      async (transaction) =>
        await transaction
          .insertInto('payload_files')
          .values({
            digest,
            size_bytes: hashes.sizeBytes,
            sha1: hashes.sha1,
            sha256: hashes.sha256,
          })
          .onConflict((conflict) => conflict.column('digest').doNothing())
          .execute(),
    );
    return hashes;
  }
}

/** Repositories of an organisation begin with its name. */
export function isOfOrganisation(repository: string, organisation: string): boolean {
  return repository.startsWith(`${organisation}/`);
}
