// When KVM is used, when not, and what is said about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseAccelerator,
  type KvmState,
  lookAtKvm,
} from '../../../../../src/host/boot/qemu/accelerator.ts';
import { mustBeOk, mustFail } from '../../../../rig/boot/rig.ts';

const GOOD: KvmState = { arch: 'x64', module: 'kvm_amd', device: 'opens' };

test('auto uses KVM where the processor’s own module is loaded and the device opens', () => {
  assert.deepEqual(mustBeOk(chooseAccelerator('auto', GOOD)), {
    accelerator: 'kvm',
    why: 'using KVM: kvm_amd is loaded and /dev/kvm opens',
  });
});

const REASONS: readonly (readonly [state: Partial<KvmState>, reason: string])[] = [
  [{ module: undefined }, '/dev/kvm opens, but neither kvm_intel nor kvm_amd is loaded'],
  [{ device: 'missing' }, '/dev/kvm does not exist'],
  [{ device: 'denied' }, 'this user may not open /dev/kvm'],
  [{ device: 'fails' }, '/dev/kvm cannot be opened'],
  [{ arch: 'arm64', module: undefined }, '/dev/kvm opens, but kvm is not loaded'],
];
for (const [state, reason] of REASONS) {
  test(`auto emulates, and says why: ${reason}`, () => {
    assert.deepEqual(mustBeOk(chooseAccelerator('auto', { ...GOOD, ...state })), {
      accelerator: 'tcg',
      why: `emulating the processor (TCG, slow): ${reason}`,
    });
  });
}

test('KVM that is asked for is used when its device opens, and fails with the cure when not', () => {
  assert.equal(mustBeOk(chooseAccelerator('kvm', { ...GOOD, module: undefined })).accelerator, 'kvm');
  const failure = mustFail(chooseAccelerator('kvm', { ...GOOD, device: 'denied' }));
  assert.equal(failure.kind, 'host');
  assert.match(failure.hint ?? '', /usermod -aG kvm/);
});

test('TCG can always be asked for', () => {
  assert.equal(mustBeOk(chooseAccelerator('tcg', GOOD)).accelerator, 'tcg');
});

test('this host can be looked at', () => {
  assert.equal(lookAtKvm().arch, process.arch);
});
