// What a script may know and nothing else may keep.

export interface Secret {
  readonly name: string;
  readonly content: Buffer;
}
