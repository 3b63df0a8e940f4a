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
