import type { Operation } from '@slipway/core';
import type { LayoutReference } from '@slipway/oci';

/** Programs that build Containerfiles. */
export type BuilderName = 'buildah' | 'podman' | 'docker';

/** How a builder isolates the RUN lines; `auto` takes the strongest this machine allows. */
export type Isolation = 'auto' | 'oci' | 'rootless' | 'chroot';

/** A build, checked: the Containerfile is there. */
export interface BuildRequest {
  readonly file: string;
  readonly context: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly isolation: Isolation;
  readonly architecture: string;
  readonly sourceDateEpoch: number | undefined;
  /** An empty directory the builder may use. */
  readonly workDir: string;
}

/** What a builder left: an image in a layout of its own, and the base images it was told of. */
export interface RawImage {
  readonly reference: LayoutReference;
  readonly bases: readonly LayoutReference[];
}

/** A program that turns a Containerfile into an image. */
export interface Builder {
  readonly name: BuilderName;
  build(request: BuildRequest, work: Operation): Promise<RawImage>;
}
