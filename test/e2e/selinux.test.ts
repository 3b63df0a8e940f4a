// An image with SELinux: what a layer writes is labeled with the program and the policy of the image.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, partitionedDisk, tinyDisk } from '../rig/tiny.ts';

/** A tiny system with the setfiles of this machine, and a policy of three lines. */
const SELINUX = `rm "$root/bin/sh" # whose find is that of busybox, whatever is in PATH
for tool in setfiles find xargs getfattr mktemp dash; do
  program=$(command -v $tool || echo /usr/sbin/$tool)
  mkdir -p "$root/usr/sbin" "$root/tmp"
  cp -L "$program" "$root/usr/sbin/$tool"
  ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root\${library%/*}"
    cp -L "$library" "$root$library"
  done
done
mv "$root/usr/sbin/dash" "$root/bin/sh"
mkdir -p "$root/etc/selinux/own/contexts/files" "$root/srv" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/mnt"
touch "$root/etc/resolv.conf"
printf 'SELINUX=enforcing\nSELINUXTYPE=own\n' > "$root/etc/selinux/config"
cat > "$root/etc/selinux/own/contexts/files/file_contexts" <<'CONTEXTS'
/.*	system_u:object_r:default_t:s0
/etc(/.*)?	system_u:object_r:etc_t:s0
/srv/[^/]*	--	system_u:object_r:srv_t:s0
CONTEXTS`;

const LABEL = 'label() { getfattr -h -n security.selinux --only-values --absolute-names "$1"; }';

test('new and changed files get their labels; a new policy labels everything', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: SELINUX }),
    'layers/20_app/build-layer': buildLayer(
      'echo a > /srv/a; echo "with a blank" > "/srv/b c"; echo x >> /etc/passwd',
    ),
    'layers/30_look/build-layer': buildLayer(
      `${LABEL}
for file in /srv/a "/srv/b c" /srv /etc/passwd /etc/os-release; do echo "$file $(label "$file" 2>/dev/null | cut -d: -f3 || true)"; done`
        .replace('cut -d: -f3', "sed 's/.*_r://; s/:.*//'")
        .replace('sed', '/bin/busybox sed'),
    ),
    'layers/40_policy/build-layer': buildLayer(
      'echo "/bin(/.*)?	system_u:object_r:bin_t:s0" >> /etc/selinux/own/contexts/files/file_contexts',
    ),
    'layers/50_look/build-layer': buildLayer(`${LABEL}\necho "$(label /bin/busybox)"`),
    'layers/60_off/build-layer': buildLayer(
      'printf "SELINUX=disabled\\n" > /etc/selinux/config; echo x > /etc/unlabeled',
    ),
    'layers/70_look/build-layer': buildLayer(`${LABEL}\n! label /etc/unlabeled`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(
    built.output.replace(/^.*No such attribute\n?/gm, '').trim(),
    `/srv/a srv_t
/srv/b c srv_t
/srv default_t
/etc/passwd etc_t
/etc/os-release ${''}
system_u:object_r:bin_t:s0`,
  );
});

test('so are those on a partition that the fstab mounts', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': partitionedDisk(SELINUX),
    'layers/20_app/build-layer': buildLayer('mkdir /var/log; echo x > /var/log/l; echo y > /srv/a'),
    'layers/30_look/build-layer': buildLayer(`${LABEL}\necho "$(label /var/log/l) $(label /srv/a)"`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /system_u:object_r:default_t:s0 system_u:object_r:srv_t:s0/);
});

test('an image with SELinux and no setfiles gets a note, and a disabled one none', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_on/build-layer': buildLayer(
      'mkdir -p /etc/selinux; printf "SELINUX=enforcing\\n" > /etc/selinux/config',
    ),
    'layers/30_off/build-layer': buildLayer('printf "SELINUX=disabled\\n" > /etc/selinux/config'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const notes = built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  assert.deepEqual(notes, [
    '20_on: the image has SELinux and no setfiles, so new files have no labels: install policycoreutils in it',
  ]);
});

test('the step selinux sets the mode, and labels what has no label', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: `${SELINUX}\nln -s busybox "$root/bin/sed"` }),
    'layers/20_on/layer.yaml': `steps:
  - selinux: { mode: permissive, relabel: true }
  - run: cat /etc/selinux/config; getfattr -h -n security.selinux --only-values --absolute-names /etc/os-release
`,
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^SELINUX=permissive\nSELINUXTYPE=own\nsystem_u:object_r:etc_t:s0/m);
});
