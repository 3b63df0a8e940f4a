// What a layer or an image runs on.

export interface Platform {
  /** As node names it, `x64` or `arm64`: recipes have had that word from the beginning. */
  readonly architecture: string;
  readonly os: 'linux';
}
