// The composition root of test boots: which implementation boots images.

import { qemuBooter } from '../host/linux/boot/booter.ts';
import type { ImageBooter } from '../model/boot.ts';

export const imageBooter: ImageBooter = qemuBooter;
