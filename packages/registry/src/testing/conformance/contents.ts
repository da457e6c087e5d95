/** What a repository is filled with for a case: blobs, manifests in the order they can be pushed, tags, and what is about what. */
import {
  bytesFor,
  type DescriptorJson,
  type Document,
  digestOf,
  EMPTY,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../registry-user.ts';

type Algorithm = 'sha256' | 'sha512';

/** What a list of referrers is to say of a manifest. */
interface Referrer {
  readonly subject: string;
  readonly document: Document;
  /** Undefined: an index that says none. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a manifest has besides what every one has. */
interface More {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: DescriptorJson;
  readonly tag?: string;
  /** Fields no specification knows. */
  readonly unknown?: Readonly<Record<string, unknown>>;
}

export class Contents {
  readonly blobs: Map<string, Buffer> = new Map();
  readonly manifests: Document[] = [];
  readonly tags: Map<string, Document> = new Map();
  readonly referrers: Referrer[] = [];
  readonly #seed: string;
  readonly #algorithm: Algorithm;

  constructor(seed: string, algorithm: Algorithm = 'sha256') {
    this.#seed = seed;
    this.#algorithm = algorithm;
  }

  blob(mediaType: string, bytes: Buffer = bytesFor(`${this.#seed} ${this.blobs.size}`)): DescriptorJson {
    const digest = digestOf(bytes, this.#algorithm);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** The configuration of an image for an architecture. */
  config(architecture: string, unknown: object = {}): DescriptorJson {
    const json = { architecture, os: 'linux', author: this.#seed, ...unknown };
    return this.blob(OCI_CONFIG, Buffer.from(JSON.stringify(json)));
  }

  empty(): DescriptorJson {
    return this.blob(EMPTY, Buffer.from('{}'));
  }

  image(config: DescriptorJson, layers: readonly DescriptorJson[], more: More = {}): DescriptorJson {
    return this.#add(OCI_MANIFEST, { config, layers }, more, more.artifactType ?? config.mediaType);
  }

  index(manifests: readonly object[], more: More = {}): DescriptorJson {
    return this.#add(OCI_INDEX, { manifests }, more, more.artifactType);
  }

  #add(mediaType: string, body: object, more: More, artifactType: string | undefined): DescriptorJson {
    const { tag, unknown = {}, ...fields } = more;
    const json = { schemaVersion: 2, mediaType, ...fields, ...body, ...unknown };
    const bytes = Buffer.from(JSON.stringify(json));
    const document: Document = { bytes, mediaType, digest: digestOf(bytes, this.#algorithm) };
    this.manifests.push(document);
    if (tag !== undefined) this.tags.set(tag, document);
    if (more.subject !== undefined) {
      const { annotations = {} } = more;
      this.referrers.push({ subject: more.subject.digest, document, artifactType, annotations });
    }
    return { mediaType, digest: document.digest, size: bytes.length };
  }
}
