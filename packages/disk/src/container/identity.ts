/** What the identifiers and times inside a container are made of: the same two give the same bytes. */
export interface ContainerIdentity {
  /** Whatever the disk is told apart by; UUIDs are derived from it. */
  readonly seed: string;
  /** Seconds since 1970. */
  readonly timeSec: number;
}
