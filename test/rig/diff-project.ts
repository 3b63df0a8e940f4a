// A project in which a layer did each kind of change, and what vlb diff tells of it.

import { TestProject } from './project.ts';
import { buildLayer, type TinyOptions, tinyDisk } from './tiny.ts';

const stanza = (name: string, version: string) =>
  `Package: ${name}\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: ${version}\\n\\n`;

/** What the layer finds. The system takes setfattr along, to set attributes inside. */
const BASE = `
mkdir -p "$root/var/lib/dpkg" "$root/usr/lib/old" "$root/srv"
printf '${stanza('tiny', '1.9-1')}${stanza('gone', '2')}' > "$root/var/lib/dpkg/status"
for file in /usr/bin/setfattr $(ldd /usr/bin/setfattr | grep -o '/[^ ]*'); do
  mkdir -p "$root\${file%/*}"
  cp -L "$file" "$root$file"
done
cd "$root/srv"
for name in mode owner content same-size touched rewritten attribute capability acl type; do echo "$name" > $name; done
touch -d @1000000000 same-size
setfattr -n user.dropped -v 1 attribute
setfattr -n user.kept -v 1 attribute
ln -s content link
ln -s mode "$(printf 'odd\\nlink')"
mknod device c 1 3
echo gone > ../usr/lib/old/file
echo one > linked
ln linked linked-too
cd /
`;

const LAYER = buildLayer(`
for tool in chown mkfifo mknod truncate; do ln -s busybox /bin/$tool; done
printf '${stanza('tiny', '1.10-1')}${stanza('new', '3')}' > /var/lib/dpkg/status
cd /srv
chmod 4755 mode
chown 12:34 owner
echo more >> content
echo same-sizE > same-size
touch -d @1000000000 same-size
touch touched
cp rewritten copy
mv copy rewritten
setfattr -x user.dropped attribute
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 capability
setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff acl
rm type
mkdir type
rm link
ln -s mode link
rm device
mknod device c 1 5
rm -r /usr/lib/old
dd if=/dev/zero of=large bs=1024 count=3072 2>/dev/null
ln large large-too
ln linked linked-three
echo x > "$(printf 'a\\nb')"
echo x > "$(printf 'caf\\351')"
truncate -s 100M holes
mkfifo pipe
mkdir -p new/deep
echo deep > new/deep/file
`);

export const GOLDEN = `packages: 1 added, 1 removed, 1 upgraded
  removed   gone  2
  added     new   3
  upgraded  tiny  1.9-1 → 1.10-1
files: 12 added, 1 removed, 11 changed
  added    100 MiB  /srv/holes
  added    3.0 MiB  /srv/large
  changed    154 B  /var/lib/dpkg/status  (content)
  changed     13 B  /srv/content  (content)
  changed     10 B  /srv/same-size  (content)
  added        5 B  /srv/new/deep/file
  removed      5 B  /usr/lib/old/file
  added        2 B  "/srv/a\\nb"
  added        2 B  "/srv/caf\\351"
  added             /bin/chown -> busybox
  added             /bin/mkfifo -> busybox
  added             /bin/mknod -> busybox
  added             /bin/truncate -> busybox
  changed           /srv/acl  (ACL added)
  changed           /srv/attribute  (attribute user.dropped removed)
  changed           /srv/capability  (capabilities added)
  changed           /srv/device  (device number 1:3 → 1:5)
  added             /srv/large-too  (hard link to /srv/large)
  changed           /srv/link  (link target content → mode)
  added             /srv/linked-three  (hard link to /srv/linked)
  changed           /srv/mode  (mode 0644 → 4755)
  changed           /srv/owner  (owner 0:0 → 12:34)
  added             /srv/pipe
  changed           /srv/type/  (file → directory, mode 0644 → 0755)
`;

export const project = (options: TinyOptions = {}, layer = LAYER) =>
  new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ ...options, more: `${BASE}${options.more ?? ''}` }),
    'layers/20_app/build-layer': layer,
  });
