/** Something that happened to an object which is no container, or to containers together, in Docker's words. */
export interface ObjectEvent {
  readonly type: 'image' | 'volume' | 'network' | 'container';
  readonly action: string;
  /** What Docker's Actor is: an image's name or id, a volume's name, a network's id. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}
