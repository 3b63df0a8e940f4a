// The composition root of test boots: which implementation boots images.

import { qemuBooter } from '../host/boot/booter.ts';
import type { ImageBooter } from '../model/ports/booter.ts';

export const imageBooter: ImageBooter = qemuBooter;
