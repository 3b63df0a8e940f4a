// What to do when a layer's script failed; its disk is kept in any case.

export const ON_ERROR = ['keep', 'shell'] as const;
export type OnError = (typeof ON_ERROR)[number];
