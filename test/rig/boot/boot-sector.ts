// The smallest guests there are: boot sectors, assembled here, that write a text to the first serial port.

/** What a guest does after it has written its text. */
export type Ending =
  /** Sleeps for ever. */
  | 'halt'
  /** Asks the machine for a reset, through the keyboard controller. */
  | 'reset'
  /** Asks the machine for power-off, through ACPI's PM1a_CNT, where SeaBIOS puts it on a q35. */
  | 'power off'
  /** Asks for power-off, too, but only once the power button was pressed. */
  | 'power button'
  /** Writes its text again, for ever. */
  | 'repeat';

const SECTOR = 512;
/** Where the BIOS puts the sector. */
const LOADED_AT = 0x7c00;
/** A BIOS takes no disk that is smaller than a cylinder. */
const DISK_BYTES = 1024 * 1024;

/** cld; xor ax,ax; mov ds,ax */
const SET_UP = [0xfc, 0x31, 0xc0, 0x8e, 0xd8];
/** mov bl,al; mov dx,0x3fd; wait: in al,dx; test al,0x20; jz wait; mov al,bl; mov dx,0x3f8; out dx,al */
const SEND = [0x88, 0xc3, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0x88, 0xd8, 0xba, 0xf8, 0x03, 0xee];
/** sleep: hlt; jmp sleep */
const HALT = [0xf4, 0xeb, 0xfd];

/** mov dx,0x604; mov ax,0x2000; out dx,ax */
const POWER_OFF = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, ...HALT];

const ENDINGS: Readonly<Record<Ending, readonly number[]>> = {
  halt: HALT,
  /** mov al,0xfe; out 0x64,al */
  reset: [0xb0, 0xfe, 0xe6, 0x64, ...HALT],
  'power off': POWER_OFF,
  /**
   * The power button is bit 8 of PM1a_EN and PM1a_STS: mov dx,0x602; mov ax,0x100; out dx,ax; mov dx,0x600; sti;
   * wait: hlt; in ax,dx; test ah,1; jz wait. The BIOS's timer ends each hlt.
   */
  'power button': [
    ...[0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef, 0xba, 0x00, 0x06, 0xfb],
    ...[0xf4, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf9],
    ...POWER_OFF,
  ],
  /** jmp to the beginning, over all that stands before this: see below */
  repeat: [],
};

/** mov dx,0x3fd; wait: in al,dx; test al,1; jz wait; mov dx,0x3f8; in al,dx */
const RECEIVE = [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0xba, 0xf8, 0x03, 0xec];

/**
 * A raw disk whose boot sector writes `>`, and then what is typed. What is typed before, the BIOS takes; and afterwards too, in its timer's
 * interrupt, so those are turned off.
 */
export function diskThatEchoes(): Buffer {
  const loop = [...RECEIVE, ...SEND];
  const disk = Buffer.alloc(DISK_BYTES);
  // cli; mov al,'>'
  const prompt = [0xfa, 0xb0, 0x3e, ...SEND];
  Buffer.from([...prompt, ...loop, 0xeb, 0x100 - loop.length - 2]).copy(disk);
  disk.writeUInt16LE(0xaa55, SECTOR - 2);
  return disk;
}

/** A raw disk whose boot sector writes a text of Latin-1 characters. */
export function diskThatWrites(text: string, ending: Ending = 'halt'): Buffer {
  // next: lodsb; test al,al; jz over SEND and the jump; SEND; jmp next
  const loop = [0xac, 0x84, 0xc0, 0x74, SEND.length + 2, ...SEND];
  loop.push(0xeb, 0x100 - loop.length - 2);
  const before = SET_UP.length + 3 + loop.length;
  const tail = ending === 'repeat' ? [0xeb, 0x100 - before - 2] : ENDINGS[ending];
  const textAt = LOADED_AT + before + tail.length;
  // mov si,text
  const code = [...SET_UP, 0xbe, textAt & 0xff, textAt >> 8, ...loop, ...tail];

  const disk = Buffer.alloc(DISK_BYTES);
  const sector = Buffer.concat([Buffer.from(code), Buffer.from(`${text}\0`, 'latin1')]);
  if (sector.length > SECTOR - 2) throw new Error('the text is too long for a boot sector');
  sector.copy(disk);
  disk.writeUInt16LE(0xaa55, SECTOR - 2);
  return disk;
}
