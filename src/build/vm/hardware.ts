import type { Arch } from '../../shared/arch.ts';
import { ToolError } from '../../shared/errors.ts';
import type { Toolbox } from '../tools/toolbox.ts';

export type Firmware = 'bios' | 'uefi' | 'secure-boot';
export type Acceleration = 'kvm' | 'tcg';

/** What the machine boots from. */
export type BootMedium =
  | { readonly kind: 'cd'; readonly file: string }
  /** The same file as a USB stick; what the machine writes to it is dropped. */
  | { readonly kind: 'usb'; readonly file: string }
  | { readonly kind: 'disk' }
  | {
      readonly kind: 'kernel';
      readonly kernel: string;
      readonly initrd: string;
      readonly commandLine: string;
    };

export interface VmDisk {
  readonly file: string;
  readonly format: 'raw' | 'qcow2';
}

/** A port of this computer that leads to one of the machine. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

export interface VmHardware {
  readonly arch: Arch;
  readonly memoryMb: number;
  readonly cpus: number;
  readonly boot: BootMedium;
  readonly disks: readonly VmDisk[];
  /** FAT image of a NoCloud seed. */
  readonly seed?: string | undefined;
  readonly publish: readonly PublishedPort[];
  /** A network card; true unless said otherwise. */
  readonly network?: boolean;
  readonly firmwareFiles?: { readonly code: string; readonly variables: string; readonly secure: boolean };
  /** Added as they are; for tests. */
  readonly extraArguments?: readonly string[];
}

/** The firmware that was asked for, or the architecture's own. Throws VM_FIRMWARE_UNSUPPORTED. */
export function chooseFirmware(
  wish: {
    readonly bios?: boolean | undefined;
    readonly uefi?: boolean | undefined;
    readonly secureBoot?: boolean | undefined;
  },
  arch: Arch,
): Firmware {
  const wished = wish.secureBoot ? 'secure-boot' : wish.uefi ? 'uefi' : wish.bios ? 'bios' : undefined;
  if (arch === 'amd64') return wished ?? 'bios';
  if (wished !== undefined && wished !== 'uefi') throw noSuchFirmware(arch, wished);
  return 'uefi';
}

function noSuchFirmware(arch: Arch, firmware: Firmware): ToolError {
  return new ToolError(`starting an ${arch} machine with ${firmware}: it has UEFI only`, {
    code: 'VM_FIRMWARE_UNSUPPORTED',
    kind: 'unsupported',
    hint: 'use --uefi',
  });
}

/** Debian's UEFI firmware; undefined for BIOS. Throws VM_FIRMWARE_UNSUPPORTED, TOOL_MISSING. */
export function firmwareFiles(
  toolbox: Toolbox,
  arch: Arch,
  firmware: Firmware,
): { readonly code: string; readonly variables: string } | undefined {
  if (arch === 'arm64') {
    if (firmware !== 'uefi') throw noSuchFirmware(arch, firmware);
    return {
      code: toolbox.file('usr/share/AAVMF/AAVMF_CODE.no-secboot.fd'),
      variables: toolbox.file('usr/share/AAVMF/AAVMF_VARS.fd'),
    };
  }
  if (firmware === 'bios') return undefined;
  return firmware === 'uefi'
    ? {
        code: toolbox.file('usr/share/OVMF/OVMF_CODE_4M.fd'),
        variables: toolbox.file('usr/share/OVMF/OVMF_VARS_4M.fd'),
      }
    : {
        code: toolbox.file('usr/share/OVMF/OVMF_CODE_4M.secboot.fd'),
        // With Microsoft's keys enrolled, as a computer from the shop has them.
        variables: toolbox.file('usr/share/OVMF/OVMF_VARS_4M.ms.fd'),
      };
}

/** QEMU's arguments for a machine; pure. */
export function qemuArguments(hardware: VmHardware, acceleration: Acceleration): string[] {
  const { arch, boot, firmwareFiles: firmware } = hardware;
  const secure = firmware?.secure === true;
  const machine = arch === 'arm64' ? 'virt' : `q35${secure ? ',smm=on' : ''}`;
  return [
    ...['-machine', machine, '-smp', String(hardware.cpus), '-m', String(hardware.memoryMb)],
    ...processorArguments(acceleration, arch),
    ...(secure ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    ...(firmware
      ? [
          ...drive({ if: 'pflash', unit: '0', format: 'raw', readonly: 'on', file: firmware.code }),
          ...drive({ if: 'pflash', unit: '1', format: 'raw', file: firmware.variables }),
        ]
      : []),
    ...bootArguments(boot, arch),
    ...hardware.disks.flatMap(({ file, format }, index) => [
      ...drive({ if: 'none', id: `disk${index}`, format, file, discard: 'unmap' }),
      '-device',
      // A system on the disk is started where there is no other medium.
      `virtio-blk-pci,drive=disk${index},serial=disk${index},bootindex=${index + 10}`,
    ]),
    ...(hardware.seed === undefined
      ? []
      : [
          ...drive({ if: 'none', id: 'seed', format: 'raw', readonly: 'on', file: hardware.seed }),
          ...['-device', 'virtio-blk-pci,drive=seed,serial=seed'],
        ]),
    ...(hardware.network === false
      ? []
      : [
          ...['-netdev', ['user', 'id=net0', ...hardware.publish.map(forward)].join(',')],
          ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
        ]),
    ...['-device', 'virtio-rng-pci'],
    ...(hardware.extraArguments ?? []),
  ];
}

/**
 * How the guest's processor is made. Emulated, a fifth level of page tables would cost a tenth of the time, and buys
 * nothing below 64 TiB.
 */
export function processorArguments(acceleration: Acceleration, arch: Arch): string[] {
  if (acceleration === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  return ['-accel', 'tcg,thread=multi', '-cpu', arch === 'amd64' ? 'max,la57=off' : 'max'];
}

function bootArguments(boot: BootMedium, arch: Arch): string[] {
  switch (boot.kind) {
    case 'cd':
      return [
        ...drive({ if: 'none', id: 'cd', media: 'cdrom', format: 'raw', readonly: 'on', file: boot.file }),
        ...(arch === 'arm64'
          ? ['-device', 'virtio-scsi-pci', '-device', 'scsi-cd,drive=cd,bootindex=1']
          : ['-device', 'ide-cd,drive=cd,bootindex=1']),
      ];
    case 'usb':
      return [
        ...drive({ if: 'none', id: 'stick', format: 'raw', snapshot: 'on', file: boot.file }),
        ...['-device', 'qemu-xhci', '-device', 'usb-storage,drive=stick,removable=on,bootindex=1'],
      ];
    case 'kernel':
      return ['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', boot.commandLine];
    case 'disk':
      return [];
  }
}

/** In values of QEMU's comma lists a comma is doubled. */
function drive(options: Readonly<Record<string, string>>): string[] {
  const list = Object.entries(options).map(([key, value]) => `${key}=${value.replaceAll(',', ',,')}`);
  return ['-drive', list.join(',')];
}

function forward({ protocol, hostAddress, hostPort, guestPort }: PublishedPort): string {
  return `hostfwd=${protocol}:${hostAddress}:${hostPort}-:${guestPort}`;
}

/**
 * Reads `HOST:GUEST`, `ADDRESS:HOST:GUEST`, each with `/tcp` or `/udp` behind. Without an address only
 * this computer can connect. Throws PUBLISH_INVALID.
 */
export function parsePublish(text: string): PublishedPort {
  const match = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const [, address, host, guest, protocol] = match ?? [];
  const hostPort = Number(host);
  const guestPort = Number(guest);
  const isPort = (port: number): boolean => port >= 1 && port <= 65535;
  const isAddress = address === undefined || address.split('.').every(part => Number(part) <= 255);
  const refuse = (fault: string, hint: string): never => {
    throw new ToolError(`reading --publish "${text}": ${fault}`, {
      code: 'PUBLISH_INVALID',
      kind: 'invalid-input',
      hint,
    });
  };
  const hint = 'write two ports such as 2222:22, or with an address such as 0.0.0.0:8080:80';
  if (!match) return refuse('it is not HOST:GUEST', hint);
  if (!isAddress) return refuse(`${address} is not an address of IPv4`, hint);
  const wrong = [hostPort, guestPort].find(port => !isPort(port));
  if (wrong !== undefined) return refuse(`there is no port ${wrong}`, 'ports go from 1 to 65535');
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    hostAddress: address ?? '127.0.0.1',
    hostPort,
    guestPort,
  };
}
