// A secret: a script may read it, and nothing else may store it.

export interface Secret {
  readonly name: string;
  readonly content: Buffer;
}
