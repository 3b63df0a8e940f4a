// Scripts for a real Debian, as a distribution makes it: a GPT with a BIOS boot partition and an ESP, no boot loader, no kernel.

/**
 * A modify-disk that makes it from the mirrors that this machine uses itself; the system is on partition 3.
 * Takes 50 seconds.
 */
export const DEBIAN_DISK = String.raw`#!/bin/sh
# vlb: from scratch
# vlb: disk-size 4G
set -eu
device=$3 root=$TMPDIR/root
mkdir "$root"
chmod 755 "$TMPDIR" # apt fetches as a user of its own
sfdisk -q --no-reread --no-tell-kernel "$device" <<'TABLE'
label: gpt
size=1M, type=21686148-6449-6E6F-744E-656564454649
size=64M, type=uefi, name=esp
type=linux, name=system
TABLE
partx --update "$device"
mkfs.ext4 -q -F -L debian -E discard,lazy_itable_init=0,lazy_journal_init=0 "$device"p3
mount "$device"p3 "$root"
set --
if [ -z "$(apt-get indextargets)" ]; then
  mkdir -p "$TMPDIR/lists/partial"
  set -- -o Dir::State::Lists="$TMPDIR/lists"
  apt-get "$@" -q update || true
fi
sources=$(apt-get "$@" indextargets --format \
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(SITE) $(CODENAME) main' \
  'Identifier: Packages' 'Origin: Debian' 'Component: main' |
  grep -E '\] https?://[^ ]+ bookworm(-updates|-security)? main$' | sort -u)
set --
[ -z "$sources" ] || set -- "$sources"
mmdebstrap --quiet --mode=root --variant=minbase --architectures=amd64 --include=systemd-sysv,udev \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --dpkgopt=force-unsafe-io bookworm "$root" "$@"
rm "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
echo "UUID=$(blkid -p -o value -s UUID "$device"p3) / ext4 errors=remount-ro 0 1" > "$root/etc/fstab"
umount "$root"
`;

/**
 * Commands of a modify-disk that give a tiny system at $root Debian's kernel, with those modules alone that a system needs that
 * runs from memory.
 */
export const DEBIAN_KERNEL = `
(
  mkdir "$TMPDIR/kernel"
  chmod 755 "$TMPDIR" # apt fetches as a user of its own
  cd "$TMPDIR/kernel"
  name() { apt-cache "$@" depends --important linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1; }
  set --
  if [ -z "$(name)" ]; then
    mkdir -p "$TMPDIR/lists/partial"
    set -- -o Dir::State::Lists="$TMPDIR/lists"
    apt-get "$@" -q update || true
  fi
  apt-get "$@" -q download "$(name "$@")"
  dpkg-deb --extract ./*.deb .
  version=$(ls lib/modules)
  mkdir -p "$root/boot" "$root/lib/modules/$version"
  cp boot/vmlinuz-* boot/config-* "$root/boot"
  for module in kernel/drivers/block/loop.ko kernel/fs/squashfs/squashfs.ko kernel/fs/overlayfs/overlay.ko; do
    mkdir -p "$root/lib/modules/$version/$(dirname "$module")"
    cp "lib/modules/$version/$module" "$root/lib/modules/$version/$module"
    echo "$module:" >> "$root/lib/modules/$version/modules.dep"
  done
  cp lib/modules/*/modules.builtin "$root/lib/modules/$version"
)
`;
