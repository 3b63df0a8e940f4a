// The forms of what hints name.

/** A partition, and a subvolume: a comma would end that option of the mount. */
export const PARTITION = /^p([1-9]\d{0,2})(?::([^,]+))?$/;

/** VG/LV of LVM: lvm(8), "valid names". */
export const LOGICAL_VOLUME = /^[\w+.][\w+.-]*\/[\w+.][\w+.-]*$/;

/** The kernel's limit is 64 characters. */
export const HOST_NAME = /^(?=.{1,64}$)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/i;

/** See systemd.unit(5). */
export const UNIT =
  /^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,239}\.(?:service|socket|target|mount|path|timer|device|swap|automount|slice|scope)$/;

/** Whether it is the absolute path of a place in an image. */
export function isImagePath(target: string | undefined): target is string {
  return target !== undefined && /^\/[/.]*[^/.]/.test(target) && !target.split('/').includes('..');
}
