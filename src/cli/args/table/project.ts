// The table's commands on the project and on vlb itself: new-layer, import, test-boot, init, doctor, schema, help, completion.

import { JSON_FLAG, PARAM } from './shared.ts';
import type { Command } from './types.ts';

export const NEW_LAYER = {
  text: 'create the next layer',
  arguments: {
    name: {
      value: 'NAME',
      required: true,
      text: 'NAME, or NN_NAME to choose the number (default: next multiple of ten)',
    },
  },
  options: {
    boot: { text: 'create a layer whose script runs in the booted image' },
    'modify-disk': { text: 'create a layer that works on the raw disk' },
    steps: { text: 'create a layer.yaml with steps in place of a script' },
  },
  examples: [
    ['vlb new-layer app', 'creates layers/20_app/build-layer'],
    ['vlb new-layer app --steps', 'creates layers/20_app/layer.yaml'],
  ],
} as const satisfies Command;

export const NEW_MACHINE = {
  text: 'create a machine and its layers from a profile',
  arguments: {
    name: { value: 'NAME', required: true, text: 'NAME of the machine and of its layers' },
  },
  options: {
    profile: {
      value: 'PROFILE',
      default: 'server',
      text: 'use PROFILE: server, web-server, development, or profiles/PROFILE.yaml of the project',
    },
    on: { value: 'LAYER', text: 'build it on LAYER (default: the first layer, or else the base)' },
    set: { value: 'FIELD=VALUE', list: true, text: 'set FIELD of the profile (repeatable)' },
    'dry-run': { alias: 'n', text: 'print the files and write nothing' },
  },
  examples: [
    ['vlb new-machine web --profile web-server -n', 'print what would be written'],
    ["vlb new-machine db --set 'packages=postgresql sudo'", 'a server with these packages'],
  ],
} as const satisfies Command;

export const LAYER = {
  text: 'show, convert or lock a layer of steps',
  examples: [['vlb layer show app', 'print it']],
} as const satisfies Command;

const LAYER_ARGUMENTS = {
  name: { value: 'NAME', required: true, text: 'layer NAME, with a layer.yaml' },
} as const;

const LAYER_OPTIONS = {
  distribution: {
    value: 'ID',
    text: 'compile for system ID, such as debian-12 (default: the one in the image of its parent)',
  },
  param: PARAM,
} as const;

export const LAYER_SHOW = {
  text: 'print the build-layer that the steps of a layer amount to',
  arguments: LAYER_ARGUMENTS,
  options: LAYER_OPTIONS,
  examples: [['vlb layer show app --distribution debian-12', 'without looking at an image']],
} as const satisfies Command;

export const LAYER_CONVERT = {
  text: 'replace the layer.yaml of a layer by the build-layer it amounts to',
  arguments: LAYER_ARGUMENTS,
  options: LAYER_OPTIONS,
  examples: [['vlb layer convert app', 'for a layer that has outgrown its steps']],
} as const satisfies Command;

export const LAYER_LOCK = {
  text: 'write the versions of all packages of a system to the lock of its layer',
  arguments: { name: { value: 'NAME', required: true, text: 'layer NAME, built, with "system"' } },
  examples: [['vlb layer lock base', 'layers/10_base/packages.lock, or the file that "lock" names']],
} as const satisfies Command;

export const IMPORT = {
  text: 'translate the input of other tools to layers',
  examples: [['vlb import virt-maker web.yml --into web', 'create a project from a template']],
} as const satisfies Command;

export const IMPORT_VIRT_MAKER = {
  text: 'create a project from a template of virt-maker',
  arguments: { template: { value: 'FILE', required: true, text: 'FILE, a template of virt-maker v1' } },
  options: {
    into: {
      value: 'DIR',
      text: 'DIR of the project, created if needed (default: the current directory)',
    },
  },
  examples: [
    ['vlb import virt-maker web.yml', 'write vlb.yaml and layers/ here'],
    ['vlb import virt-maker web.yml --into web', 'in the directory web'],
  ],
} as const satisfies Command;

export const IMPORT_VIRT_CUSTOMIZE = {
  text: 'create a layer from a command line of virt-customize',
  arguments: {
    name: {
      value: 'NAME',
      text: 'NAME of the layer, or NN_NAME to choose the number (default: customize)',
    },
  },
  behind: 'OPTION',
  examples: [
    ['vlb import virt-customize -- --install nginx --hostname web', 'create the next layer'],
    ['vlb import virt-customize web -- --commands-from-file web.txt', 'called web'],
  ],
} as const satisfies Command;

export const IMPORT_VMBUILDER = {
  text: 'create a layer with a system from a configuration of vmbuilder',
  arguments: { file: { value: 'FILE', required: true, text: 'FILE, as for vmbuilder --config' } },
  options: {
    name: { value: 'NAME', text: 'NAME of the layer, or NN_NAME to choose the number (default: base)' },
  },
  examples: [['vlb import vmbuilder vmbuilder.cfg', 'with the parts and files that it names']],
} as const satisfies Command;

export const IMPORT_KICKSTART = {
  text: 'create a layer from a kickstart file',
  arguments: { file: { value: 'FILE', required: true, text: 'FILE, a kickstart' } },
  options: {
    name: {
      value: 'NAME',
      text: 'NAME of the layer, or NN_NAME to choose the number (default: that of the file)',
    },
  },
  examples: [['vlb import kickstart rocky.ks', 'the next layer, on top of an image of Rocky']],
} as const satisfies Command;

export const TEST_BOOT = {
  text: 'boot an image without modifying it',
  arguments: {
    image: {
      value: 'IMAGE',
      text: 'IMAGE file, machine, image, layer, ISO file, or directory of a ramdisk (default: build/image.qcow2)',
    },
  },
  options: {
    check: { text: 'wait for a login prompt on the serial console, then stop' },
    expect: { value: 'REGEXP', text: 'wait until the console shows REGEXP instead' },
    run: {
      value: 'COMMAND',
      text: 'run COMMAND by qemu-guest-agent as the check',
    },
    twice: {
      text: 'boot two copies; fail if they share an identity',
    },
    json: { text: 'print the result of --twice as JSON' },
    timeout: { value: 'TIME', text: 'give up after TIME, such as 90s or 5m (default: 2m; 8m without KVM)' },
    accel: {
      value: 'WORD',
      choices: ['auto', 'kvm', 'tcg'],
      default: 'auto',
      text: 'use accelerator WORD',
    },
    uefi: { text: 'use UEFI, even if the image can boot by BIOS' },
    net: { value: 'NET', text: 'connect to NET: user, none or bridge=BRIDGE' },
    forward: {
      value: 'HOST:GUEST',
      list: true,
      text: 'forward TCP port HOST to port GUEST (repeatable)',
    },
    memory: { value: 'SIZE', text: 'memory SIZE, such as 2G (default: 1G)' },
    cpus: { value: 'N', text: 'number of processors N (default: 2)' },
    seed: { value: 'DIR', text: 'DIR with user-data for cloud-init (default: test-boot/ of the project)' },
  },
  examples: [
    ['vlb test-boot', 'open the serial console; ^a x exits'],
    ['vlb test-boot --check', 'check that it boots'],
    ['vlb test-boot web', 'boot a machine with all that vlb.yaml gives it'],
    ["vlb test-boot web --run 'uname -a'", 'run a command in it'],
    ['vlb test-boot --twice', 'check that copies are different machines'],
    ['vlb test-boot --forward 8080:80', 'reach its web server at localhost:8080'],
  ],
} as const satisfies Command;

export const INIT = {
  text: 'create a project that builds and boots',
  arguments: {
    dir: { value: 'DIR', text: 'DIR of the project, created if needed (default: the current directory)' },
  },
  options: {
    base: {
      value: 'WORD',
      choices: ['debian', 'cloud', 'scratch'],
      default: 'debian',
      text: 'start from Debian packages, a downloaded image, or an empty disk',
    },
    release: {
      value: 'RELEASE',
      text: 'install this RELEASE of Debian, such as bookworm or 12 (with --base debian)',
    },
    size: { value: 'SIZE', text: 'SIZE of the disk, such as 20G (with --base debian; default: 4G)' },
    layout: {
      value: 'WORD',
      choices: ['plain', 'server'],
      text: 'one partition, or also /boot, /var and a swap (with --base debian; default: plain)',
    },
    builder: { text: 'a machine with vlb and vlb serve in place of a web server (with --base debian)' },
    url: { value: 'URL', text: 'download the qcow2 or raw image at URL (with --base cloud)' },
    sha256: { value: 'HEX', text: 'SHA-256 of the image at URL, as HEX (with --base cloud)' },
  },
  examples: [
    ['vlb init web', 'a Debian with a web server'],
    ['vlb init factory --builder', 'a machine that builds images, with a page'],
    ['vlb init web --base cloud --url URL --sha256 HEX', 'on top of that image'],
  ],
} as const satisfies Command;

export const DOCTOR = {
  text: 'check what vlb requires here, and suggest fixes',
  options: {
    json: JSON_FLAG,
    clean: { text: 'first remove leftovers of killed builds (files, loop devices)' },
  },
  examples: [['vlb doctor', 'exit with status 3 if this machine cannot build']],
} as const satisfies Command;

export const SCHEMA = {
  text: 'print a JSON Schema, for editors and programs',
  arguments: {
    subject: {
      value: 'SUBJECT',
      choices: ['config', 'layer', 'events'],
      text: 'of vlb.yaml (config, the default), layer.yaml (layer), or --progress json (events)',
    },
  },
  examples: [['vlb schema > vlb.schema.json', 'for an editor that completes vlb.yaml']],
} as const satisfies Command;

export const HELP = {
  text: 'print help for a command, hints, or formats',
  arguments: {
    topic: { value: 'TOPIC', rest: true, text: 'TOPIC is a command, or the word hints or formats' },
  },
  examples: [
    ['vlb help store gc', 'same as vlb store gc --help'],
    ['vlb help hints', 'the comments in scripts that vlb reads'],
  ],
} as const satisfies Command;

export const COMPLETION = {
  text: 'print the completion script for a shell',
  arguments: {
    shell: {
      value: 'SHELL',
      choices: ['bash', 'zsh', 'fish'],
      required: true,
      text: 'the SHELL to complete in',
    },
  },
  examples: [
    ['source <(vlb completion bash)', 'in ~/.bashrc'],
    ['source <(vlb completion zsh)', 'in ~/.zshrc, after compinit'],
    ['vlb completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
} as const satisfies Command;
