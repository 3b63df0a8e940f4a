// The port of publishing: what signs an index, and what takes an image to a registry.

import type { Result } from '../failure.ts';

export interface Publisher {
  /** Whether texts can be signed with a key. Fails as `host` without gpg, and as `usage` without the secret key. */
  checkKey(key: string): Promise<Result<void>>;
  /** The text in the envelope of a signature by a key of the user. Fails as `host`. */
  sign(text: string, key: string, signal: AbortSignal): Promise<Result<string>>;
  /** The text that was signed, without the blanks at the ends of its lines, by any key of the user's keyring. Fails as `usage` where the signature is not valid. */
  verified(signed: string, signal: AbortSignal): Promise<Result<string>>;
  /** Fails as `host` without what images are pushed by. */
  checkPush(): Result<void>;
  /**
   * Copies the image of an OCI layout to a registry, without the layers that this has. Returns its digest there, `sha256:…`.
   * Fails as `host`.
   * @param layout absolute path of its directory
   * @param image as docker has it, with a tag: `registry.example.org/web:1.0`
   */
  push(layout: string, image: string, signal: AbortSignal): Promise<Result<string>>;
}
